import type { EventType } from '../events/index.js';

/** Highest level that this version of the program works at. */
export const FEATURE_LEVEL = 2;

/** Versions of events by type, and of the envelope. */
export type EventVersions = Readonly<Record<string, number>>;

/**
 * What a node has to read before a level may be raised to this one: the versions of events, and of the envelope, that are written
 * from then on. What older programs cannot read comes with a new level here.
 */
export const LEVEL_WRITES: Readonly<
  Record<number, Readonly<Partial<Record<EventType | 'Envelope', number>>>>
> = {
  1: { LeaseEnded: 2 },
  2: {
    Envelope: 2,
    SpecDefined: 2,
    TaskSubmitted: 2,
    TaskFailed: 2,
    ClassDefined: 2,
    BatchQueued: 2,
    TaskBackedOff: 2,
    TaskGivenUp: 2,
    QueueLeaseTtlSet: 1,
    LeaseGranted: 2,
    WorkerDraining: 1,
    LeasesExtended: 1,
  },
};

/** The level that a node can work at: what it says of itself, as far as it reads what is written at that level. */
export function levelOf(
  claimed: number,
  reads: EventVersions,
  writes: Readonly<Record<number, EventVersions | undefined>> = LEVEL_WRITES,
): number {
  let level = 0;
  while (level < claimed) {
    const needed = writes[level + 1];
    // Of a level that this program does not know it cannot say what a node must read.
    if (needed === undefined) break;
    if (Object.entries(needed).some(([type, version]) => (reads[type] ?? 0) < version)) break;
    level++;
  }
  return level;
}

/** The version in which something is written at a level; 0 = not yet. What no level names has been there from the first on. */
export function versionAt(
  level: number,
  type: EventType | 'Envelope',
  writes: Readonly<Record<number, EventVersions | undefined>> = LEVEL_WRITES,
): number {
  let first = 0;
  let version = 0;
  for (const [at, named] of Object.entries(writes)) {
    const ofType = named?.[type];
    if (ofType === undefined) continue;
    if (first === 0) first = ofType;
    if (Number(at) <= level) version = Math.max(version, ofType);
  }
  // A first mention of version 1 brings the type; of a later one, there were versions before it.
  return version > 0 ? version : first === 1 ? 0 : Math.max(1, first - 1);
}
