import type { WorkflowEnd } from '@yardmaster/domain';

/** One row of the task list. Times are epoch ms. */
export interface TaskRow {
  readonly id: string;
  readonly tenant: number;
  readonly userId: number;
  readonly workflow: string | null;
  readonly key: string | null;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly schedulingType: string;
  readonly queue: string;
  readonly priority: number;
  readonly totalAttempts: number;
  readonly resourceRequirements: Readonly<Record<string, number>>;
  readonly executionCapMs: number;
  readonly delayToleranceMs: number | null;
  readonly scriptPath: string | null;
  readonly handler: string | null;
  readonly state: string;
  readonly status: 'waiting' | 'in_progress' | 'done' | 'failed';
  readonly attempts: number;
  readonly submittedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly error: string | null;
  readonly result: unknown;
  readonly admittedBy: { readonly node: string; readonly epoch: number };
}

export interface TaskQuery {
  readonly tenant: number | null;
  readonly state?: string;
  readonly status?: string;
  readonly queue?: string;
  readonly workflow?: string;
  readonly name?: string;
  readonly label?: { readonly key: string; readonly value: string };
  /** submittedAt bounds, epoch ms, since included, until not. */
  readonly since?: number;
  readonly until?: number;
  readonly sort: 'newest' | 'oldest';
  readonly limit: number;
  /** Id after which the page starts, in the order of `sort`. */
  readonly after: string | null;
}

export interface WorkflowRow {
  readonly id: string;
  readonly tenant: number;
  readonly userId: number;
  readonly name: string;
  readonly count: number;
  readonly state: 'running' | WorkflowEnd;
  readonly submittedAt: number;
  readonly endedAt: number | null;
}

export interface AttemptRow {
  readonly task: string;
  readonly attempt: number;
  readonly fence: number;
  readonly worker: string;
  readonly outcome: string | null;
  readonly exitCode: number | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly wallMs: number | null;
  readonly error: string | null;
}

/** What the gateway asks of the relational view. */
export interface ReadModelQueries {
  tasks(query: TaskQuery): Promise<readonly TaskRow[]>;
  task(id: string): Promise<TaskRow | null>;
  attempts(task: string): Promise<readonly AttemptRow[]>;
  workflows(query: {
    readonly tenant: number | null;
    readonly limit: number;
    readonly after: string | null;
  }): Promise<readonly WorkflowRow[]>;
  workflow(id: string): Promise<WorkflowRow | null>;
  /** Projected position per stream. */
  positions(): Promise<Readonly<Record<string, number>>>;
}
