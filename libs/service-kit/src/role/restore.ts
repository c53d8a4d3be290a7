import { hashOf, type Cause, type Envelope } from '@yardmaster/contracts';
import type { EventLog, TenantKeystore } from '@yardmaster/ports';
import { breathe } from '../breathe.js';
import { EnvelopeReader } from '../log/envelope-reader.js';
import type { Folding } from './role.js';
import type { RoleRunner } from './role-runner.js';

/**
 * Messages that have arrived are read without waiting for anything: after so many events the thread's other work has its turn, or
 * what is asked of the broker meanwhile would be given up before its answer is looked at. Counted, not timed, so that a simulated restore is
 * the same every time.
 */
const EVENTS_AT_A_STRETCH = 2_000;

/** One followed stream on its way through a restore, with a look ahead. */
class Track {
  #ahead: Envelope[] = [];
  #events = 0;

  constructor(
    private readonly source: AsyncGenerator<Envelope>,
    /** What was applied of it before. */
    private last: { readonly seq: number; readonly hash: string },
    /** Of what lies before; null when the log does not have it. */
    private readonly hashAt: (seq: number) => Promise<string | null>,
  ) {}

  /** The next envelope, not yet taken. */
  async peek(): Promise<Envelope | null> {
    if (this.#ahead.length === 0) await this.#fetch();
    return this.#ahead[0] ?? null;
  }

  /**
   * How many of the next envelopes a decision with this cause had seen, and whether it is in the log: `ahead` lies beyond where
   * this ends. Where something else stands at its place, the cause was `lost` in a crash: what its new owner wrote there and
   * before it came later.
   */
  async countUpTo(seq: number, hash: string): Promise<{ count: number; cause: 'there' | 'ahead' | 'lost' }> {
    if (seq < this.last.seq)
      return { count: 0, cause: (await this.hashAt(seq))?.startsWith(hash) === true ? 'there' : 'lost' };
    if (seq === this.last.seq) return { count: 0, cause: this.last.hash.startsWith(hash) ? 'there' : 'lost' };
    while ((this.#ahead.at(-1)?.seq ?? this.last.seq) < seq && (await this.#fetch()));
    const at = this.#ahead.findIndex((envelope) => envelope.seq === seq);
    const found = this.#ahead[at];
    if (found === undefined) return { count: this.#ahead.length, cause: 'ahead' };
    if (found.hash.startsWith(hash)) return { count: at + 1, cause: 'there' };
    const replaced = this.#ahead.findIndex((envelope) => envelope.epoch === found.epoch);
    return { count: replaced, cause: 'lost' };
  }

  take(): void {
    const envelope = this.#ahead.shift();
    if (envelope !== undefined) this.last = { seq: envelope.seq, hash: envelope.hash };
  }

  async #fetch(): Promise<boolean> {
    if (this.#events >= EVENTS_AT_A_STRETCH) {
      this.#events = 0;
      await breathe();
    }
    const step = await this.source.next();
    if (step.done === true) return false;
    this.#events += step.value.events.length;
    this.#ahead.push(step.value);
    return true;
  }
}

/**
 * Rebuilds a role from the log, from where it stands up to `heads`. Its own stream is the spine: before each own envelope the followed
 * streams are applied up to that envelope's causes, as they were when it was decided. Own envelopes whose cause is not in the
 * log any more are noted in `runner.lost`.
 *
 * `following`: somebody else may own the role's stream and write on while this reads. It stops before an own envelope whose cause
 * is still on its way to the disk, and leaves for later what rests on own envelopes beyond the head and what was written
 * after `settledAt` (epoch ms): the owner may not have seen that when it decides the next thing.
 */
export async function restore(
  runner: RoleRunner<Folding>,
  log: EventLog,
  keystore: TenantKeystore,
  heads: ReadonlyMap<string, number>,
  following: Following | null = null,
): Promise<void> {
  const open = (stream: string): Track =>
    new Track(
      new EnvelopeReader(log, stream, keystore).read(runner.position(stream) + 1, heads.get(stream) ?? 0),
      { seq: runner.position(stream), hash: runner.hashAt(stream) ?? '' },
      async (seq) => {
        for await (const { data } of log.read(stream, seq, seq)) return hashOf(data);
        return null;
      },
    );
  const tracks = new Map(runner.role.follows.map((stream) => [stream, open(stream)]));
  if (runner.role.stream !== null) {
    const spine = open(runner.role.stream);
    for (let own = await spine.peek(); own !== null; own = await spine.peek()) {
      if (!(await applyCauses(runner, tracks, own.seq, own.causes, following))) return;
      runner.apply(own);
      spine.take();
    }
  }
  await applyInCausalOrder(
    runner,
    [...tracks.values()].map((track) => ({ track, count: Infinity })),
    runner.role.stream === null && following !== null ? { settledAt: Infinity } : following,
  );
}

interface Following {
  readonly settledAt: number;
}

/** Applies what an own envelope rests on; false, and nothing applied, when that is still on its way. */
async function applyCauses(
  runner: RoleRunner<Folding>,
  tracks: ReadonlyMap<string, Track>,
  own: number,
  causes: readonly Cause[],
  following: Following | null,
): Promise<boolean> {
  const wanted: Wanted[] = [];
  const lost: Cause[] = [];
  for (const [stream, seq, hash] of causes) {
    const track = tracks.get(stream);
    if (track === undefined) continue;
    const { count, cause } = await track.countUpTo(seq, hash);
    if (cause === 'ahead' && following !== null) return false;
    if (cause !== 'there') lost.push([stream, seq, hash]);
    if (count > 0) wanted.push({ track, count });
  }
  for (const [stream, seq] of lost) runner.lost.push({ seq: own, cause: { stream, seq } });
  await applyInCausalOrder(runner, wanted);
  return true;
}

interface Wanted {
  readonly track: Track;
  count: number;
}

/** Applies so many envelopes of each track, each after its causes. */
async function applyInCausalOrder(
  runner: RoleRunner<Folding>,
  wanted: readonly Wanted[],
  following: Following | null = null,
): Promise<void> {
  for (;;) {
    let moved = false;
    let stuck: Wanted | null = null;
    for (const one of wanted) {
      while (one.count > 0) {
        const next = await one.track.peek();
        if (next === null) break;
        if (
          !runner.hasCauses(next) ||
          (following !== null && (next.at > following.settledAt || !runner.hasOwnCauses(next)))
        ) {
          stuck ??= one;
          break;
        }
        runner.apply(next);
        one.track.take();
        one.count--;
        moved = true;
      }
    }
    if (moved) continue;
    const next = await stuck?.track.peek();
    if (stuck === null || next == null || following !== null) return;
    // Its cause was lost in a crash; its owner repairs by events that follow.
    runner.apply(next);
    stuck.track.take();
    stuck.count--;
  }
}
