import { decodeEnvelope } from '@yardmaster/contracts';
import type { PublishedMessage } from '@yardmaster/eventlog-memory';

/** What a publish says, in a word: the kind of its stream and its first event. */
export function kindOf({ stream, seq, data }: PublishedMessage): string {
  const [first] = decodeEnvelope(stream, seq ?? 0, data, () => null).events;
  return `${stream.replace(/-.*/, '')}:${first?.type ?? 'nothing'}`;
}

/**
 * Places between two publishes: one was the last to reach the disk, the other was the next of its stream. Counted are the pairs
 * that ever stood next to each other, and those among them at which a process was killed.
 */
export class CrashPoints {
  readonly seen = new Set<string>();
  readonly covered = new Set<string>();

  stand(last: string, next: readonly string[]): void {
    for (const one of next.length === 0 ? ['nothing in flight'] : next) this.seen.add(`${last} | ${one}`);
  }

  crash(last: string, next: readonly string[]): void {
    this.stand(last, next);
    for (const one of next.length === 0 ? ['nothing in flight'] : next) this.covered.add(`${last} | ${one}`);
  }

  add({ seen, covered }: Pick<CrashPoints, 'seen' | 'covered'>): void {
    for (const pair of seen) this.seen.add(pair);
    for (const pair of covered) this.covered.add(pair);
  }
}
