import type { EventType } from '../events/index.js';

/** Highest level that this version of the program works at. */
export const FEATURE_LEVEL = 1;

/** Versions of events by type. */
export type EventVersions = Readonly<Record<string, number>>;

/**
 * What a node has to read before a level may be raised to this one: the event versions that are written from then on. A new
 * version of an event that older programs cannot read comes with a new level here.
 */
export const LEVEL_WRITES: Readonly<Record<number, Readonly<Partial<Record<EventType, number>>>>> = { 1: {} };

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
