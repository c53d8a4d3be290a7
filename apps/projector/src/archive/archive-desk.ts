import {
  commands,
  rejection,
  type ProjectorCommand,
  type Reply,
  type Verification,
  type VerifiedPart,
} from '@yardmaster/contracts';
import { verifyAgainstLog, type ArchiveSource, type Bus } from '@yardmaster/service-kit';

/** Runs whose result is kept. */
const KEPT = 20;

/** Answers an operator who asks whether the archive holds, beside whoever keeps it. */
export class ArchiveDesk {
  readonly #runs = new Map<string, Verification>();
  #underWay: string | null = null;
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
    const { run } = command;
    const known = this.#runs.get(run) ?? this.#runs.get(this.#underWay ?? '');
    if (known !== undefined) return { ok: true, value: known };
    this.#runs.set(run, BEGUN);
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size <= KEPT) break;
      this.#runs.delete(oldest);
    }
    this.#underWay = run;
    void this.#verify(run).finally(() => {
      this.#underWay = null;
    });
    return { ok: true, value: BEGUN };
  }

  async #verify(run: string): Promise<void> {
    const began = performance.now();
    let events = 0;
    const parts: VerifiedPart[] = [];
    const faults: string[] = [];
    const tell = (more: Partial<Verification>): void => {
      this.#runs.set(run, { ...BEGUN, events, seconds: (performance.now() - began) / 1_000, ...more });
    };
    try {
      for (const stream of this.streams) {
        const report = await verifyAgainstLog(this.source.log, this.source.archive, stream, (messages) => {
          events += messages;
          tell({});
        });
        const content = { rows: report.last, hash: report.lastHash };
        faults.push(...report.faults);
        parts.push({
          name: `archive of ${stream}`,
          equal: report.faults.length === 0,
          stored: content,
          rebuilt: content,
        });
      }
      tell({
        state: 'done',
        equal: faults.length === 0,
        parts,
        error: faults.length === 0 ? null : faults.join('; '),
      });
    } catch (error) {
      tell({ state: 'failed', error: (error as Error).message });
    }
  }
}

const BEGUN: Verification = {
  state: 'running',
  equal: null,
  events: 0,
  seconds: 0,
  parts: [],
  error: null,
};
