import {
  commands,
  rejection,
  telemetry,
  type ProjectionReport,
  type ProjectorCommand,
  type Reply,
} from '@yardmaster/contracts';
import type { Bus } from '@yardmaster/service-kit';
import type { Turns } from './follow/turns.js';
import type { Projection } from './projection.js';
import { VerificationRuns, type Found } from './verification-runs.js';

const REPORT_MS = 1_000;

/**
 * Answers for one projection: reports how it is each second, and takes what an operator asks of it. It answers from the time
 * on that the projection has run or halted: one that waits for its turn behind another process leaves the answer to that.
 */
export class ProjectionDesk {
  readonly #runs = new VerificationRuns();
  #lag = 0;
  #positions: Readonly<Record<string, number>> | null = null;
  #door: { stop(): void } | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly projection: Projection,
    private readonly bus: Bus,
    private readonly node: string,
    /** Verifications of this process. */
    private readonly turns: Turns,
  ) {}

  start(): void {
    this.#timer = setInterval(() => {
      this.#report();
    }, REPORT_MS);
    this.#timer.unref();
  }

  /** Events that the view does not know yet, and up to where it knows each stream. */
  lag(events: number, positions: Readonly<Record<string, number>>): void {
    this.#lag = events;
    this.#positions = positions;
  }

  /** The projection's state has changed. */
  changed(): void {
    const { state } = this.projection.status;
    if (this.#timer === null) return;
    if (state === 'running' || state === 'halted')
      this.#door ??= this.bus.serve(commands.projector(this.projection.name), (body) =>
        this.#handle(body as ProjectorCommand),
      );
    this.#report();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#door?.stop();
    this.#door = null;
  }

  #report(): void {
    const { name, status } = this.projection;
    const report: ProjectionReport = {
      projection: name,
      node: this.node,
      ...status,
      lagEvents: this.#lag,
      ...(this.#positions === null ? {} : { positions: this.#positions }),
    };
    this.bus.publish(telemetry.projection(name), report);
  }

  async #handle(command: ProjectorCommand): Promise<Reply<unknown>> {
    if (command.op === 'verify')
      return { ok: true, value: this.#runs.ask(command.run, (onEvents) => this.#verify(onEvents)) };
    if (this.#runs.isUnderWay)
      return {
        ok: false,
        rejection: rejection('conflict', 'it is being verified: try again when that is done'),
      };
    try {
      await this.projection.rebuild();
    } catch (error) {
      return { ok: false, rejection: rejection('unavailable', (error as Error).message) };
    }
    return { ok: true, value: null };
  }

  async #verify(onEvents: (events: number) => void): Promise<Found> {
    const { parts, seconds } = await this.turns.take(() => this.projection.verify(onEvents));
    return { equal: parts.every(({ equal }) => equal), parts, seconds };
  }
}
