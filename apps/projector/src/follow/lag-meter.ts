import type { CommittedLog } from '@yardmaster/service-kit';
import type { Position } from './stream-cursor.js';

const EVERY_MS = 1_000;
/** Weight of the newest batch in what is taken for an envelope's size. */
const RECENT = 0.2;

/** Counts each second how far a projection is behind the log, in events: envelopes ahead, at the size that they had of late. */
export class LagMeter {
  readonly #at = new Map<string, number>();
  #perEnvelope = 1;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly log: CommittedLog,
    private readonly onLag:
      ((events: number, positions: Readonly<Record<string, number>>) => void) | undefined,
  ) {}

  start(streams: readonly string[], stored: ReadonlyMap<string, Position>): void {
    for (const stream of streams) this.#at.set(stream, stored.get(stream)?.seq ?? 0);
    if (this.onLag === undefined) return;
    this.#timer = setInterval(() => void this.#measure(), EVERY_MS);
    this.#timer.unref();
  }

  projected(
    moves: readonly { readonly stream: string; readonly to: Position }[],
    { events, envelopes }: { readonly events: number; readonly envelopes: number },
  ): void {
    for (const { stream, to } of moves) this.#at.set(stream, to.seq);
    if (envelopes > 0) this.#perEnvelope += (events / envelopes - this.#perEnvelope) * RECENT;
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #measure(): Promise<void> {
    try {
      const behind = await Promise.all(
        [...this.#at].map(async ([stream, at]) => Math.max(0, (await this.log.head(stream)) - at)),
      );
      this.onLag?.(
        Math.round(behind.reduce((sum, n) => sum + n, 0) * this.#perEnvelope),
        Object.fromEntries(this.#at),
      );
    } catch {
      // The log is away: whoever owns it tells.
    }
  }
}
