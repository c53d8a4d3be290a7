import {
  LIMITS,
  rejection,
  type FieldError,
  type Rejection,
  type TaskRequest,
  type WorkflowRequest,
} from '@yardmaster/contracts';
import { dedupe, didYouMean, sortTopologically } from '@yardmaster/domain';
import { err, ok, type Result } from '@yardmaster/kernel';
import { checkWorkflow, checkWorkflowTask, join } from './schema-check.js';
import type { SpecBook } from './spec-book.js';
import { parentOf, translateTask, type TranslatedTask } from './translate-task.js';

export interface TranslatedWorkflow {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | null;
  /** In topological order, with the keys beside. */
  readonly tasks: readonly TranslatedTask[];
  readonly keys: readonly string[];
  /** Parents by index in `tasks`, by task. */
  readonly parents: readonly (readonly number[])[];
}

interface Keyed {
  readonly key: string;
  readonly request: TaskRequest;
  readonly at: string;
}

const MOST_FAULTS = 50;
const NO_PARENTS: number[] = [];

/** Checks a workflow's body and turns it into tasks, parents first. */
export function translateWorkflow(
  body: unknown,
  book: SpecBook,
  now: number,
  checksSize: boolean,
): Result<TranslatedWorkflow, Rejection> {
  const shape = checkWorkflow(body);
  if (shape !== null) return err(invalid(shape));
  const request = body as WorkflowRequest;

  const faults: FieldError[] = [];
  const indexOf = new Map<string, number>();
  const keyed = keyedTasks(request, indexOf, faults);
  if (faults.length > 0) return err(invalid(faults));
  const given: TranslatedTask[] = [];
  for (const { key, request: task, at } of keyed) {
    const translated = translateTask(task, at, key, book, now, checksSize, faults);
    if (translated !== null) given.push(translated);
    if (faults.length >= MOST_FAULTS) break;
  }
  if (faults.length > 0) return err(invalid(faults));

  const edges = readEdges(keyed, indexOf);
  if (!edges.ok) return edges;
  const sorted = sortTopologically(keyed.length, (i) => edges.value[i] ?? []);
  if (!sorted.ok) {
    const path = sorted.error.cycle.map((i) => keyed[i]?.key ?? '?');
    return err(
      rejection('cycle-in-graph', `the dependencies form a cycle: ${path.join(' → ')}`, {
        extra: { cycle: path },
      }),
    );
  }
  const { order } = sorted.value;
  const placeOf = new Int32Array(order.length);
  for (const [place, i] of order.entries()) placeOf[i] = place;
  return ok({
    name: request.name,
    labels: request.labels ?? null,
    tasks: order.map((i) => given[i]!),
    keys: order.map((i) => keyed[i]!.key),
    parents: order.map((i) => (edges.value[i] ?? []).map((parent) => placeOf[parent]!)),
  });
}

/** The tasks with their keys; `indexOf` is filled on the way. */
function keyedTasks({ tasks }: WorkflowRequest, indexOf: Map<string, number>, faults: FieldError[]): Keyed[] {
  const keyed: Keyed[] = [];
  const isList = Array.isArray(tasks);
  const entries: Iterable<[string | number, unknown]> = isList ? tasks.entries() : Object.entries(tasks);
  for (const [place, raw] of entries) {
    if (faults.length >= MOST_FAULTS) break;
    const at = isList ? `tasks[${String(place)}]` : join('tasks', String(place));
    const wrong = checkWorkflowTask(raw, at);
    if (wrong !== null) {
      faults.push(...wrong);
      continue;
    }
    const request = raw as TaskRequest;
    const key = isList ? (request.key ?? request.name) : String(place);
    if (key === undefined) {
      faults.push({
        path: join(at, 'name'),
        message: 'a task in a list needs a `name`: others depend on it by this',
      });
    } else if (!isList && !PLAIN_KEY.test(key) && !KEY.test(key)) {
      faults.push({ path: at, message: 'is not a key: letters, digits and _ . : - , at most 200' });
    } else if (!isList && request.key !== undefined && request.key !== key) {
      faults.push({
        path: join(at, 'key'),
        message: `says ${JSON.stringify(request.key)} where the map says ${JSON.stringify(key)}`,
      });
    } else if (indexOf.has(key)) {
      faults.push({ path: at, message: `the key ${JSON.stringify(key)} is there twice` });
    } else {
      indexOf.set(key, keyed.length);
      keyed.push({ key, request, at });
    }
  }
  return keyed;
}

const PLAIN_KEY = /^[A-Za-z0-9][A-Za-z0-9_-]{0,199}$/;
const KEY = /^(?!__proto__$)[\p{L}\p{N}_][\p{L}\p{N}_ .:/-]{0,199}$/u;

function readEdges(
  keyed: readonly Keyed[],
  indexOf: ReadonlyMap<string, number>,
): Result<readonly (readonly number[])[], Rejection> {
  const unknown: FieldError[] = [];
  const parents: number[][] = [];
  let count = 0;
  for (const [i, { request, at, key }] of keyed.entries()) {
    const { dependsOn } = request;
    if (dependsOn === undefined || dependsOn.length === 0) {
      parents.push(NO_PARENTS);
      continue;
    }
    const mine: number[] = [];
    for (const [n, dependency] of dependsOn.entries()) {
      const name = parentOf(dependency);
      const parent = indexOf.get(name);
      if (parent === i)
        return err(
          rejection('cycle-in-graph', `${JSON.stringify(key)} depends on itself`, {
            extra: { cycle: [key, key] },
            errors: [{ path: join(at, `dependsOn[${String(n)}]`), message: 'is the task itself' }],
          }),
        );
      if (parent !== undefined) mine.push(parent);
      else if (unknown.length < MOST_FAULTS)
        unknown.push({ path: join(at, `dependsOn[${String(n)}]`), message: unknownParent(name, indexOf) });
    }
    const once = mine.length > 1 ? dedupe(mine) : mine;
    count += once.length;
    parents.push(once);
  }
  if (unknown.length > 0)
    return err(
      rejection('unknown-parent', `${unknown[0]!.path}: ${unknown[0]!.message}`, { errors: unknown }),
    );
  if (count > LIMITS.workflowEdges)
    return err(
      invalid([
        {
          path: 'tasks',
          message: `has ${String(count)} dependencies; at most ${String(LIMITS.workflowEdges)}`,
        },
      ]),
    );
  return ok(parents);
}

function unknownParent(name: string, known: ReadonlyMap<string, number>): string {
  // Among very many keys the comparison would cost more than the hint is worth.
  const meant = known.size > 5_000 ? null : didYouMean(name, known.keys());
  return `there is no task ${JSON.stringify(name.slice(0, 60))} in this workflow${meant === null ? '' : `: did you mean "${meant}"?`}`;
}

export function invalid(errors: readonly FieldError[]): Rejection {
  const first = errors[0];
  const detail =
    first === undefined
      ? 'the request is not valid'
      : first.path === ''
        ? `the body ${first.message}`
        : `${first.path}: ${first.message}`;
  return rejection('invalid-request', detail, { errors });
}
