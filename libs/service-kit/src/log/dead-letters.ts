import { streams } from '@yardmaster/contracts';
import type { Clock } from '@yardmaster/kernel';
import { LogGapError, type EventLog, type StoredMessage } from '@yardmaster/ports';

/** What could not be read: enough of it to find who sent it, never all of it. */
export interface DeadLetter {
  /** Epoch ms. */
  readonly at: number;
  /** The process that set it aside. */
  readonly node: string;
  /** `command`, `log`, `session` or `worker-session-<reason>`; the label of yard_bad_messages_total. */
  readonly where: string;
  /** Subject, worker, or stream and sequence. */
  readonly subject: string;
  readonly reason: string;
  /** Size of the message. */
  readonly bytes: number;
  /** Its first bytes, base64. */
  readonly head: string;
}

export interface BadMessage extends Pick<DeadLetter, 'where' | 'subject' | 'reason'> {
  readonly data: Uint8Array;
  /** The same for every reader of one bad message, so that it is kept once. */
  readonly id?: string;
}

/** All that the stream of dead letters ever takes on disk; the newest stay. */
export const DEAD_LETTER_STREAM_BYTES = 32 * 1024 * 1024;
const HEAD_BYTES = 512;
const REASON_CHARS = 500;
const SUBJECT_CHARS = 200;
/** A flood is counted whole and kept in samples. */
const BURST = 100;
const PER_SECOND = 5;
const MOST_SEEN = 10_000;

export interface DeadLetterPorts {
  readonly log: Pick<EventLog, 'appendUnfenced' | 'head' | 'read'>;
  readonly node: string;
  readonly clock: Clock;
  /** Every bad message. */
  readonly count: (where: string) => void;
  /** Those that are kept. */
  readonly kept: (letter: DeadLetter) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Sets messages aside that nobody can read. Every one is counted; at most a few a second of each place are written, each with a reason and its
 * first bytes, so that garbage can fill neither the disk nor the log of the process.
 */
export class DeadLetters {
  readonly #seen = new Set<string>();
  /** What may be kept yet, by where it came in: a flood at one place hides nothing of another. */
  readonly #left = new Map<string, { letters: number; at: number }>();
  #n = 0;

  constructor(private readonly ports: DeadLetterPorts) {}

  add({ where, subject, reason, data, id }: BadMessage): void {
    const { log, node, clock, count, kept, failed } = this.ports;
    if (id !== undefined) {
      if (this.#seen.has(id)) return;
      if (this.#seen.size >= MOST_SEEN) this.#seen.clear();
      this.#seen.add(id);
    }
    count(where);
    if (!this.#mayKeep(where)) return;
    const letter: DeadLetter = {
      at: clock.now(),
      node,
      where,
      subject: subject.slice(0, SUBJECT_CHARS),
      reason: reason.slice(0, REASON_CHARS),
      bytes: data.length,
      head: Buffer.from(data.subarray(0, HEAD_BYTES)).toString('base64'),
    };
    kept(letter);
    log
      .appendUnfenced(
        streams.deadLetters,
        id ?? `${node}-${String(letter.at)}-${String(++this.#n)}`,
        Buffer.from(JSON.stringify(letter)),
      )
      .catch(failed);
  }

  /** The newest, latest first. */
  async list(limit: number): Promise<readonly DeadLetter[]> {
    // The oldest give way while they are read: look again.
    for (let tries = 0; ; tries++) {
      const { first, last } = await this.ports.log.head(streams.deadLetters);
      const letters: DeadLetter[] = [];
      try {
        const from = Math.max(1, first, last - limit + 1);
        for await (const message of this.ports.log.read(streams.deadLetters, from, last))
          letters.push(letterOf(message));
        return letters.reverse();
      } catch (error) {
        if (!(error instanceof LogGapError) || tries >= 3) throw error;
      }
    }
  }

  #mayKeep(where: string): boolean {
    const now = this.ports.clock.monotonic();
    const before = this.#left.get(where) ?? { letters: BURST, at: now };
    const letters = Math.min(BURST, before.letters + ((now - before.at) / 1_000) * PER_SECOND);
    this.#left.set(where, { letters: letters < 1 ? letters : letters - 1, at: now });
    return letters >= 1;
  }
}

/** Anybody with the broker's password may have written there: what is no letter is shown as what it is. */
function letterOf({ seq, data }: StoredMessage): DeadLetter {
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
    if (isLetter(value)) return value;
  } catch {
    // Shown below.
  }
  return {
    at: 0,
    node: '',
    where: 'dead-letters',
    subject: `${streams.deadLetters} #${String(seq)}`,
    reason: 'no service of the yard wrote this',
    bytes: data.length,
    head: Buffer.from(data.subarray(0, HEAD_BYTES)).toString('base64'),
  };
}

function isLetter(value: unknown): value is DeadLetter {
  if (typeof value !== 'object' || value === null) return false;
  const { at, node, where, subject, reason, bytes, head } = value as Record<string, unknown>;
  return (
    typeof at === 'number' &&
    typeof bytes === 'number' &&
    [node, where, subject, reason, head].every((text) => typeof text === 'string')
  );
}
