import type { EventResponse, WorkflowResponse } from '@yardmaster/sdk';

export interface BoardTask {
  readonly id: string;
  readonly key: string;
  state: string;
  status: string;
  attempt: number;
  startedAt: number | null;
  endedAt: number | null;
  error: string | null;
}

/** One line of news about a task. */
export interface Change {
  readonly task: BoardTask;
  readonly what: string;
  /** Epoch ms. */
  readonly at: number;
}

/** What is known of the tasks that are watched, folded from events and from whole answers. */
export class Board {
  private readonly tasks = new Map<string, BoardTask>();
  /** Ends of attempts whose start is not known yet: the two come by different streams. */
  private readonly early = new Map<string, EventResponse[]>();

  add(id: string, key: string): void {
    this.tasks.set(id, {
      id,
      key,
      state: 'waiting',
      status: 'waiting',
      attempt: 0,
      startedAt: null,
      endedAt: null,
      error: null,
    });
  }

  get all(): readonly BoardTask[] {
    return [...this.tasks.values()];
  }

  count(status: string): number {
    let n = 0;
    for (const task of this.tasks.values()) if (task.status === status) n++;
    return n;
  }

  /** What the event changed. */
  apply(event: EventResponse): Change[] {
    const task = event.task === undefined ? undefined : this.tasks.get(event.task);
    if (task === undefined) return [];
    if (event.type !== 'LeaseGranted' && (event.attempt ?? 0) > task.attempt) {
      this.early.set(task.id, [...(this.early.get(task.id) ?? []), event]);
      return [];
    }
    const at = Date.parse(event.time);
    switch (event.type) {
      case 'LeaseGranted':
        Object.assign(task, {
          state: 'running',
          status: 'in_progress',
          attempt: event.attempt ?? task.attempt + 1,
          startedAt: at,
        });
        return [
          { task, what: `started${task.attempt > 1 ? `, attempt ${String(task.attempt)}` : ''}`, at },
          ...this.late(task.id),
        ];
      case 'LeaseEnded':
        if (event['outcome'] === 'ok' || task.endedAt !== null) return [];
        task.error = event.error ?? String(event['outcome']);
        return [{ task, what: `attempt ${String(event.attempt ?? task.attempt)} ended: ${task.error}`, at }];
      case 'TaskSucceeded':
        return this.end(task, 'succeeded', 'done', at, null);
      case 'TaskFailed':
      case 'TaskCancelled': {
        const state =
          event.type === 'TaskCancelled' ? 'cancelled' : event['state'] === 'dead' ? 'dead' : 'failed';
        const below = Array.isArray(event['upstreamFailed']) ? (event['upstreamFailed'] as string[]) : [];
        return [
          ...this.end(task, state, 'failed', at, event.error ?? null),
          ...below.flatMap((id) => {
            const child = this.tasks.get(id);
            return child === undefined ? [] : this.end(child, 'upstream_failed', 'failed', at, null);
          }),
        ];
      }
      default:
        return [];
    }
  }

  private late(id: string): Change[] {
    const events = this.early.get(id) ?? [];
    this.early.delete(id);
    return events.flatMap((event) => this.apply(event));
  }

  /** Takes over what a whole answer says; news only where an event was missed. */
  reconcile(workflow: WorkflowResponse): Change[] {
    return workflow.tasks.flatMap(({ id, state, status }) => {
      const task = this.tasks.get(id);
      if (task === undefined || task.state === state || task.endedAt !== null) return [];
      if (status === 'done' || status === 'failed') return this.end(task, state, status, Date.now(), null);
      Object.assign(task, { state, status });
      return [];
    });
  }

  private end(task: BoardTask, state: string, status: string, at: number, error: string | null): Change[] {
    if (task.endedAt !== null) return [];
    Object.assign(task, { state, status, endedAt: at, error });
    return [{ task, what: state.replace('_', ' '), at }];
  }
}
