import { hashOf, type RoleFold } from '@yardmaster/contracts';
import { LogGapError, type EventLog, type LogArchive, type SegmentName } from '@yardmaster/ports';
import { coverage } from '../archive/archiver.js';
import { ArchiveDamagedError, decodeSegment } from '../archive/segment.js';
import type { SnapshotHeader } from '../snapshot/snapshot-codec.js';
import type { FollowerRegister } from './follower-register.js';

export interface PurgerOptions {
  /** The broker's, without its archive: what is looked at is what lies in the streams. */
  readonly log: EventLog;
  readonly archive: LogArchive;
  readonly folds: ReadonlyMap<string, () => RoleFold>;
  /** The newest snapshot of a role that was read back whole. */
  readonly newest: (role: string) => Promise<SnapshotHeader | undefined>;
  readonly followers: Pick<FollowerRegister, 'floor'>;
  /** Messages of each stream that stay. */
  readonly keepMessages: number;
  readonly now: () => number;
  readonly onPurged?: (stream: string, upTo: number) => void;
  readonly onFirst?: (stream: string, first: number) => void;
}

interface Stream {
  readonly name: string;
  readonly owner: string;
  /** Roles that fold it: its owner, and those that follow it. */
  readonly readers: readonly string[];
}

/**
 * Takes from the front of the streams what they need not hold any more. It is the last step of several, each of which others
 * have made durable before: a segment was written, read back and found whole; the stream's owner committed `SegmentArchived`;
 * snapshots that begin behind it were read back whole; every registered follower is past it. Invariants: a message leaves its
 * stream only after its segment was read once more, now, and found to end in the very message that the stream has there; the
 * last message stays. A crash between any two steps loses nothing: the next look begins at the first.
 */
export class Purger {
  readonly #streams: readonly Stream[];

  constructor(private readonly options: PurgerOptions) {
    const folds = [...options.folds].map(([role, make]) => ({ role, ...make() }));
    this.#streams = folds.flatMap(({ role, stream }) =>
      stream === null
        ? []
        : [
            {
              name: stream,
              owner: role,
              readers: [
                role,
                ...folds.filter(({ follows }) => follows.includes(stream)).map((fold) => fold.role),
              ],
            },
          ],
    );
  }

  /** Looks at every stream once; tells how many messages left. */
  async runOnce(stop?: AbortSignal): Promise<number> {
    let purged = 0;
    for (const stream of this.#streams) {
      if (stop?.aborted === true) break;
      purged += await this.#purge(stream);
    }
    return purged;
  }

  async #purge(stream: Stream): Promise<number> {
    const { log, archive, onPurged, onFirst } = this.options;
    const { first, last } = await log.head(stream.name);
    onFirst?.(stream.name, first);
    const bound = await this.#bound(stream, last);
    if (bound < first) return 0;
    let upTo = first - 1;
    for (const segment of coverage(await archive.list(stream.name))) {
      if (segment.last <= upTo || segment.last < first) continue;
      if (!segment.isSealed || segment.first > upTo + 1 || segment.last > bound) break;
      if (!(await this.#isWhole(segment))) return 0;
      upTo = segment.last;
    }
    if (upTo < first) return 0;
    await log.purge(stream.name, upTo);
    onPurged?.(stream.name, upTo);
    return upTo - first + 1;
  }

  /** Nothing behind this may go. */
  async #bound({ name, owner, readers }: Stream, last: number): Promise<number> {
    const { newest, followers, keepMessages, now } = this.options;
    const known = await newest(owner);
    let bound = Math.min(
      // As the owner wrote it down.
      known?.archivedUpTo ?? 0,
      last - keepMessages,
      followers.floor(name, now()),
    );
    for (const role of readers) bound = Math.min(bound, (await newest(role))?.positions[name]?.seq ?? 0);
    return bound;
  }

  /** False when its messages have left the stream since: another purges at the same time, and has made sure of them. */
  async #isWhole(segment: SegmentName): Promise<boolean> {
    const bytes = await this.options.archive.read(segment);
    if (bytes === null) throw new ArchiveDamagedError(segment, 'is gone');
    const { header } = decodeSegment(segment, bytes);
    try {
      for await (const { data } of this.options.log.read(segment.stream, segment.last, segment.last))
        if (hashOf(data) !== header.lastHash)
          throw new ArchiveDamagedError(segment, 'does not end in the message that the stream has there');
    } catch (error) {
      if (!(error instanceof LogGapError)) throw error;
      const { first } = await this.options.log.head(segment.stream);
      if (first <= segment.last) throw error;
      return false;
    }
    return true;
  }
}
