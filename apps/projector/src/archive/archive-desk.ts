import {
  commands,
  rejection,
  type ProjectorCommand,
  type Reply,
  type Verification,
  type VerifiedPart,
} from '@yardmaster/contracts';
import { verifyAgainstLog, type ArchiveSource, type Bus } from '@yardmaster/service-kit';
import { VerificationRuns, type Found } from '../verification-runs.js';

/** Answers an operator who asks whether the archive holds, beside whoever keeps it. */
export class ArchiveDesk {
  readonly #runs = new VerificationRuns();
  #door: { stop(): void } | null = null;

  constructor(
    private readonly source: Pick<ArchiveSource, 'log' | 'archive'>,
    private readonly streams: readonly string[],
    private readonly bus: Bus,
  ) {}

  start(): void {
    this.#door ??= this.bus.serve(commands.projector('archive'), (body) =>
      this.#handle(body as ProjectorCommand),
    );
  }

  stop(): void {
    this.#door?.stop();
    this.#door = null;
  }

  #handle(command: ProjectorCommand): Reply<Verification> {
    if (command.op !== 'verify')
      return { ok: false, rejection: rejection('invalid-request', 'an archive is not made anew') };
    return { ok: true, value: this.#runs.ask(command.run, (onEvents) => this.#verify(onEvents)) };
  }

  async #verify(onEvents: (events: number) => void): Promise<Found> {
    const { log, archive } = this.source;
    const parts: VerifiedPart[] = [];
    const faults: string[] = [];
    for (const stream of this.streams) {
      const report = await verifyAgainstLog(log, archive, stream, onEvents);
      const content = { rows: report.last, hash: report.lastHash };
      faults.push(...report.faults);
      parts.push({
        name: `archive of ${stream}`,
        equal: report.faults.length === 0,
        stored: content,
        rebuilt: content,
      });
    }
    return { equal: faults.length === 0, parts, error: faults.length === 0 ? null : faults.join('; ') };
  }
}
