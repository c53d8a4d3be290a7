import type { Envelope } from '@yardmaster/contracts';
import type { EventLog, TenantKeystore } from '@yardmaster/ports';
import { EnvelopeReader } from '../log/envelope-reader.js';
import type { RoleRunner } from './role-runner.js';

/** One followed stream on its way through a restore, with a look ahead of one envelope. */
class Track {
  next: Envelope | null = null;
  /** Hash of each envelope passed, newest last, for causes that name the position just reached. */
  last: { seq: number; hash: string } | null = null;

  constructor(private readonly source: AsyncGenerator<Envelope>) {}

  async fetch(): Promise<Envelope | null> {
    if (this.next === null) {
      const step = await this.source.next();
      if (step.done !== true) this.next = step.value;
    }
    return this.next;
  }

  take(): void {
    if (this.next !== null) this.last = { seq: this.next.seq, hash: this.next.hash };
    this.next = null;
  }
}

/**
 * Rebuilds a role from the log alone, up to `heads`. Its own stream is the spine: before each own envelope the followed
 * streams are applied up to that envelope's causes, as they were when it was decided. Own envelopes whose cause is not in the
 * log any more are noted in `runner.lost`.
 */
export async function restore(runner: RoleRunner, log: EventLog, keystore: TenantKeystore, heads: ReadonlyMap<string, number>): Promise<void> {
  const open = (stream: string): Track => new Track(new EnvelopeReader(log, stream, keystore).read(runner.position(stream) + 1, heads.get(stream) ?? 0));
  const tracks = new Map(runner.role.follows.map((stream) => [stream, open(stream)]));
  if (runner.role.stream !== null) {
    const spine = open(runner.role.stream);
    for (let own = await spine.fetch(); own !== null; own = await spine.fetch()) {
      for (const [stream, seq, hash] of own.causes) {
        const track = tracks.get(stream);
        if (track === undefined) continue;
        await advanceTo(runner, track, seq);
        if (track.last?.seq !== seq || !track.last.hash.startsWith(hash)) runner.lost.push({ seq: own.seq, cause: { stream, seq } });
      }
      runner.apply(own);
      spine.take();
    }
  }
  await applyInCausalOrder(runner, [...tracks.values()]);
}

async function advanceTo(runner: RoleRunner, track: Track, seq: number): Promise<void> {
  for (let next = await track.fetch(); next !== null && next.seq <= seq; next = await track.fetch()) {
    runner.apply(next);
    track.take();
  }
}

/** Whatever no own envelope rests on, each after its causes. */
async function applyInCausalOrder(runner: RoleRunner, tracks: readonly Track[]): Promise<void> {
  for (;;) {
    let moved = false;
    let stuck: Track | null = null;
    for (const track of tracks) {
      for (let next = await track.fetch(); next !== null; next = await track.fetch()) {
        if (!runner.hasCauses(next)) {
          stuck ??= track;
          break;
        }
        runner.apply(next);
        track.take();
        moved = true;
      }
    }
    if (moved) continue;
    if (stuck?.next == null) return;
    // Its cause was lost in a crash; its owner repairs by events that follow.
    runner.apply(stuck.next);
    stuck.take();
  }
}
