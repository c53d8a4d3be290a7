import type {
  GraphResponse,
  RunRequest,
  TaskResponse,
  WorkflowResponse,
  WorkflowSummaryResponse,
} from '@yardmaster/contracts';
import { fromJson, toJson, type ProtoValue } from './json-value.js';

type Fields = Record<string, unknown>;

interface ProtoRun {
  script?: string;
  command?: string[];
  handler?: string;
  args?: string[];
  env?: Record<string, string>;
  input?: ProtoValue;
}
export interface ProtoTaskSpec {
  name?: string;
  run?: ProtoRun;
  tier?: string;
  amounts?: { amounts?: Record<string, string> };
  scheduling?: Fields;
  executionCap?: string;
  leaseTtl?: string;
  retry?: Fields;
  totalAttempts?: number;
  dependsOn?: string[];
  idempotent?: boolean;
  labels?: Record<string, string>;
  require?: Record<string, string>;
}

/** The same body as over HTTP, so that both doors share schema, translation and admission. */
export function taskBody(spec: ProtoTaskSpec | undefined): Fields {
  const { run, tier, amounts, require, dependsOn, labels, ...same } = spec ?? {};
  const body: Fields = { ...same };
  if (run !== undefined) body['run'] = runBody(run);
  if (tier !== undefined) body['resources'] = tier;
  else if (amounts !== undefined) body['resources'] = amounts.amounts ?? {};
  if (require !== undefined && Object.keys(require).length > 0) body['constraints'] = { require };
  if (dependsOn !== undefined && dependsOn.length > 0) body['dependsOn'] = dependsOn;
  if (labels !== undefined && Object.keys(labels).length > 0) body['labels'] = labels;
  return body;
}

function runBody({ script, command, handler, args, env, input }: ProtoRun): Fields {
  return {
    ...(script === undefined ? {} : { script }),
    ...(command === undefined || command.length === 0 ? {} : { command }),
    ...(handler === undefined ? {} : { handler }),
    ...(args === undefined || args.length === 0 ? {} : { args }),
    ...(env === undefined || Object.keys(env).length === 0 ? {} : { env }),
    ...(input === undefined ? {} : { input: toJson(input) }),
  };
}

export function protoTask(task: TaskResponse): Fields {
  const { spec, result, attempts, ...rest } = task;
  return {
    ...given(rest),
    run: protoRun(spec.run),
    ...given({
      resources: spec.resources,
      queue: spec.queue,
      priority: spec.priority,
      strategy: spec.strategy,
      delayTolerance: spec.delayTolerance,
      executionCap: spec.executionCap,
      totalAttempts: spec.totalAttempts,
    }),
    attempts: attempts.map(given),
    result: fromJson(result),
  };
}

function protoRun({ input, ...run }: RunRequest): Fields {
  return { ...given(run), ...(input === undefined ? {} : { input: fromJson(input) }) };
}

export function protoWorkflow(workflow: WorkflowResponse): Fields {
  return { ...given(workflow), tasks: workflow.tasks.map(given) };
}

export function protoSummary(workflow: WorkflowSummaryResponse): Fields {
  return given(workflow);
}

export function protoGraph({ tasks, edges }: GraphResponse): Fields {
  return { tasks: tasks.map(given), edges };
}

/** Without the nulls, which protobuf does not know. */
function given(fields: object): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  );
}
