import { FEATURE_LEVEL } from '@yardmaster/domain';
import type { AuditCommand } from './audit-commands.js';
import { packContent, packContentFields, unpackContent } from '../events/task-codecs.js';
import type { Claim, SchedulingSpec, TaskContent, WorkflowEnd } from '@yardmaster/domain';

/** A task on its way from the gateway to its owner: checked, translated to canonical units, not yet admitted. */
export interface TaskDraft {
  /** Index into the command's `specs`. */
  readonly spec: number;
  readonly content: TaskContent;
  readonly dueAt: number | null;
  /** Parents of a lone task, by id. */
  readonly needs: readonly string[];
  /** Parents inside the workflow, by index in `tasks`. */
  readonly parents: readonly number[];
}

/** One task, many, or a whole workflow. All of it is admitted or nothing. */
export interface SubmitCommand {
  readonly op: 'submit';
  readonly tenant: number;
  readonly user: number;
  /** Gateway to tell when these tasks end; null = nobody waits yet. */
  readonly waiter: string | null;
  readonly specs: readonly SchedulingSpec[];
  readonly tasks: readonly TaskDraft[];
  readonly workflow: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>> | null;
  } | null;
  readonly claim: Claim | null;
  /** W3C traceparent of a sampled request, else null. */
  readonly traceparent: string | null;
}

/** A task on the wire: positions instead of names, as thousands travel in one message. Trailing defaults are left out. */
export type WireTask = readonly [
  spec: number,
  content: string | readonly unknown[],
  dueAt?: number | null,
  needs?: readonly string[],
  parents?: readonly number[],
];
export type WireSubmit = Omit<SubmitCommand, 'tasks'> & { readonly tasks: readonly WireTask[] };

/** As every node of a cluster at this feature level reads it. */
export function toWire(command: SubmitCommand, level = FEATURE_LEVEL): WireSubmit {
  const pack = level >= 2 ? packContent : packContentFields;
  return {
    ...command,
    tasks: command.tasks.map((t): WireTask => {
      const content = pack(t.content);
      if (t.parents.length > 0 || t.needs.length > 0) return [t.spec, content, t.dueAt, t.needs, t.parents];
      return t.dueAt === null ? [t.spec, content] : [t.spec, content, t.dueAt];
    }),
  };
}

const NONE: readonly never[] = Object.freeze([]);

export function fromWire(wire: WireSubmit): SubmitCommand {
  return {
    ...wire,
    tasks: wire.tasks.map((t) => ({
      spec: t[0],
      content: unpackContent(t[1]),
      dueAt: t[2] ?? null,
      needs: t[3] ?? NONE,
      parents: t[4] ?? NONE,
    })),
  };
}

export interface SubmitReply {
  /** In the order of the command's tasks. */
  readonly ids: readonly string[];
  readonly workflow: string | null;
  /** Where the acceptance stands in the log. */
  readonly stream: string;
  readonly seq: number;
  /** True when an earlier submission with the same idempotency key is what these ids name. */
  readonly repeated: boolean;
}

/** Live view of one task, from its owner. */
export interface TaskView {
  readonly id: string;
  readonly tenant: number;
  readonly userId: number;
  readonly state: string;
  readonly workflow: string | null;
  readonly content: TaskContent;
  readonly spec: SchedulingSpec;
  readonly dueAt: number | null;
  readonly parents: readonly string[];
  readonly submittedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly attempts: readonly AttemptView[];
  readonly result: unknown;
  readonly error: string | null;
  /** Category of the failure, for a task that failed. */
  readonly category: string | null;
  readonly admittedBy: { readonly node: string; readonly epoch: number };
  readonly waitReason: string | null;
}

export interface AttemptView {
  readonly attempt: number;
  readonly worker: string;
  readonly fence: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly outcome: string | null;
  readonly exitCode: number | null;
  readonly error: string | null;
  /** What the running attempt said of itself, 0..1; null when it ended or never said. */
  readonly progress: number | null;
}

export interface WorkflowView {
  readonly id: string;
  readonly tenant: number;
  readonly userId: number;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly state: 'running' | WorkflowEnd;
  readonly submittedAt: number;
  readonly endedAt: number | null;
  /** Number of tasks by fine state. */
  readonly counts: Readonly<Record<string, number>>;
  readonly tasks: readonly {
    readonly id: string;
    readonly key: string;
    readonly name: string;
    readonly state: string;
    readonly rank: number;
    readonly parents: readonly number[];
  }[];
}

/** A task's neighbours as its owner knows them. */
export interface AroundView {
  readonly tasks: readonly {
    readonly id: string;
    readonly tenant: number;
    readonly workflow: string | null;
    readonly key: string | null;
    readonly name: string;
    readonly rank: number;
    readonly state: string;
  }[];
  readonly edges: readonly { readonly from: string; readonly to: string }[];
}

/** `tenant` null = an operator, who sees all. `waiter`: tell this gateway when it ends. */
export type TaskCommand =
  | WireSubmit
  /** A submission too large for one message: its packed WireSubmit is a blob of the tenant. */
  | { readonly op: 'submit-blob'; readonly tenant: number; readonly sha256: string }
  | {
      readonly op: 'get';
      readonly id: string;
      readonly tenant: number | null;
      readonly waiter: string | null;
    }
  | { readonly op: 'cancel'; readonly id: string; readonly tenant: number | null; readonly user: number }
  /** Ends it at once as failed, whatever its attempts do. Reply: {id, state}. */
  | {
      readonly op: 'force-end';
      readonly id: string;
      readonly tenant: number | null;
      readonly user: number;
      readonly reason: string;
    }
  | {
      readonly op: 'get-workflow';
      readonly id: string;
      readonly tenant: number | null;
      readonly waiter: string | null;
    }
  /** Reply: OwnerAudit. */
  | AuditCommand
  /** Reply: AroundView. */
  | {
      readonly op: 'around';
      readonly id: string;
      readonly tenant: number | null;
      readonly direction: 'upstream' | 'downstream';
      readonly depth: number;
    }
  /** From the resource manager: how far running attempts are; no reply. */
  | {
      readonly op: 'progress';
      readonly of: readonly (readonly [task: string, fence: number, progress: number])[];
    }
  | {
      readonly op: 'cancel-workflow';
      readonly id: string;
      readonly tenant: number | null;
      readonly user: number;
    };

/** One end, told to the gateways that asked: [id, tenant, state, result, error, endedAt]. Workflows too. */
export type EndNotice = readonly [
  id: string,
  tenant: number,
  state: string,
  result: unknown,
  error: string | null,
  endedAt: number,
];
