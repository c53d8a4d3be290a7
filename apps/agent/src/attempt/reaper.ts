import { signal, type ProcessTable } from './process-table.js';

const ROUND_MS = 15;
const LONGEST_MS = 5_000;

/** Ends what is left of attempts. One look at all processes serves everyone who waits. */
export class Reaper {
  readonly #wanted = new Map<
    string,
    { readonly done: (isGone: boolean) => void; readonly until: number }[]
  >();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly table: ProcessTable) {}

  /** Kills every process of the attempt until none is found; false when one survives for 5 s. */
  async reap(name: string): Promise<boolean> {
    return await new Promise<boolean>((done) => {
      const waiter = { done, until: performance.now() + LONGEST_MS };
      const waiters = this.#wanted.get(name);
      if (waiters === undefined) this.#wanted.set(name, [waiter]);
      else waiters.push(waiter);
      this.#timer ??= setTimeout(this.#round, 0);
    });
  }

  /** Sends a signal to every process of the attempts named. */
  tell(names: ReadonlySet<string>, what: NodeJS.Signals): void {
    for (const [name, pids] of this.table.scan())
      if (names.has(name)) for (const pid of pids) signal(pid, what);
  }

  /** Kills the processes of attempts that nobody runs any more; how many there were. */
  sweep(isRunning: (name: string) => boolean): number {
    let killed = 0;
    for (const [name, pids] of this.table.scan()) {
      if (isRunning(name)) continue;
      for (const pid of pids) if (signal(pid, 'SIGKILL')) killed++;
    }
    return killed;
  }

  readonly #round = (): void => {
    const now = performance.now();
    const found = this.table.scan();
    for (const [name, waiters] of this.#wanted) {
      const pids = found.get(name);
      if (pids !== undefined) for (const pid of pids) signal(pid, 'SIGKILL');
      if (pids !== undefined && now < waiters[0]!.until) continue;
      this.#wanted.delete(name);
      for (const { done } of waiters) done(pids === undefined);
    }
    this.#timer = this.#wanted.size > 0 ? setTimeout(this.#round, ROUND_MS) : undefined;
  };
}
