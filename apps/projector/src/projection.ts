import type { ProjectionName, VerifiedPart } from '@yardmaster/contracts';
import type { ProjectionStatus } from './follow/keep-going.js';

/** One view of the log, and what an operator can ask of it. */
export interface Projection {
  readonly name: ProjectionName;
  readonly status: ProjectionStatus;
  start(): void;
  /** Resolves when what is under way is written. */
  stop(): Promise<void>;
  /** Throws what is stored away and begins to make it anew. Rejects, with nothing changed, while the store is away. */
  rebuild(): Promise<void>;
  /** Makes it anew beside what is stored, up to the same positions, and compares. `onEvents`: so many more were read. */
  verify(onEvents: (events: number) => void): Promise<Verified>;
}

export interface Verified {
  readonly parts: readonly VerifiedPart[];
  /** What making it anew took, without hashing. */
  readonly seconds: number;
}

export async function secondsOf(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1_000;
}

export function eventsIn(envelopes: readonly { readonly events: readonly unknown[] }[]): number {
  return envelopes.reduce((sum, { events }) => sum + events.length, 0);
}
