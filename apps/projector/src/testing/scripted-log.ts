import { CHAIN_START, encodeEnvelope, hashOf, type Envelope } from '@yardmaster/contracts';
import { MemoryLogWorld, type MemoryEventLog } from '@yardmaster/eventlog-memory';
import type { LogWriter } from '@yardmaster/ports';
import { CommittedHub } from '@yardmaster/service-kit';

const KEY = new Uint8Array(32).fill(7);
const keystore = { keyOf: (): Uint8Array => KEY };

/** Streams of a yard with two partitions. */
export const TASK_STREAMS: readonly string[] = ['tasks-0', 'tasks-1'];
export const STREAMS: readonly string[] = [...TASK_STREAMS, 'queue-main', 'leases-main'];

/** An in-memory log with what scripts say, as the broker would hold it. */
export class ScriptedLog {
  readonly world = new MemoryLogWorld();
  readonly #log: MemoryEventLog = this.world.open();
  readonly #writers = new Map<string, { readonly writer: LogWriter; prev: string }>();
  #told = 0;

  static async open(): Promise<ScriptedLog> {
    const log = new ScriptedLog();
    await log.#log.ensure(STREAMS.map((name) => ({ name, subject: name, maxBytes: null })));
    return log;
  }

  /** As one more process follows it. What fails is told to whoever reads. */
  hub(): CommittedHub {
    return new CommittedHub(this.world.open(), keystore, () => undefined);
  }

  /** The next envelope of the stream will not follow on what lies there. */
  breakChain(stream: string): void {
    const place = this.#writers.get(stream);
    if (place !== undefined) place.prev = 'f'.repeat(64);
  }

  /** Appends what the script has written since the last time. */
  async tell(
    script: { readonly envelopes: readonly Envelope[] },
    until = script.envelopes.length,
  ): Promise<void> {
    for (; this.#told < until; this.#told++) {
      const draft = script.envelopes[this.#told];
      if (draft === undefined) return;
      let place = this.#writers.get(draft.stream);
      if (place === undefined)
        this.#writers.set(
          draft.stream,
          (place = { writer: this.#log.writer(draft.stream, 0), prev: CHAIN_START }),
        );
      const bytes = encodeEnvelope({ ...draft, prev: place.prev }, keystore.keyOf);
      place.prev = hashOf(bytes);
      await place.writer.append(draft.commit, bytes);
    }
  }

  /** Last sequence of each stream that has any. */
  heads(): Record<string, number> {
    return Object.fromEntries(
      STREAMS.map((stream) => [stream, this.world.stored(stream).length]).filter(([, seq]) => seq !== 0) as [
        string,
        number,
      ][],
    );
  }
}
