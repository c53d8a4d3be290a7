import type { CancelResponse, TaskResponse, WhyResponse } from '@yardmaster/contracts';
import type { Duration } from './duration.js';
import type { LogOptions, Tasks } from './tasks.js';

export interface WaitOptions {
  /** Longest wait, such as `'1m'`; then WaitTimeoutError. Default: no limit. */
  timeout?: Duration;
  signal?: AbortSignal;
}

/** One submitted task. */
export class TaskHandle<R = unknown> {
  constructor(
    private readonly tasks: Tasks,
    /** 63-bit integer as a decimal string. */
    readonly id: string,
    /** Position of the acceptance in the log: `yard.events({ from: task.position })` misses nothing after it. */
    readonly position: string,
  ) {}

  /** The result, in full. Throws TaskFailedError when the task ended otherwise, WaitTimeoutError when it has not ended. */
  result(options: WaitOptions = {}): Promise<R> {
    return this.tasks.result<R>(this.id, options);
  }

  /** The task as it is now. */
  status(): Promise<TaskResponse> {
    return this.tasks.get(this.id);
  }

  /** The task when it has ended, however it ended. Throws WaitTimeoutError. */
  wait(options: WaitOptions = {}): Promise<TaskResponse> {
    return this.tasks.wait(this.id, options);
  }

  /** Asks for its end. One that has ended already is refused with `already-ended`. */
  cancel(): Promise<CancelResponse> {
    return this.tasks.cancel(this.id);
  }

  why(): Promise<WhyResponse> {
    return this.tasks.why(this.id);
  }

  /** Output of its attempt, as text. */
  logs(options: LogOptions = {}): AsyncGenerator<string, void, undefined> {
    return this.tasks.logs(this.id, options);
  }
}
