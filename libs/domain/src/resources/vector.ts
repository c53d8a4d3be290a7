import type { ResourceVector } from '../events/index.js';

/** Named amounts of scheduling.md, in canonical units. */
export const TIERS = {
  basic: { cpu: 500, memory: 512e6, disk: 1e9, iops: 100 },
  regular: { cpu: 1_000, memory: 2e9, disk: 5e9, iops: 500 },
  premium: { cpu: 4_000, memory: 16e9, disk: 50e9, iops: 5_000 },
} as const satisfies Record<string, ResourceVector>;
export type Tier = keyof typeof TIERS;

/** What a handler takes unless it says more: one place in its worker's concurrency. */
export const SLOT_DEMAND: ResourceVector = { slots: 1 };

/** True when every dimension of the demand is there. */
export function fits(demand: ResourceVector, free: Readonly<Record<string, number>>): boolean {
  for (const name in demand) {
    const wanted = demand[name]!;
    // Written so that a missing or NaN amount never passes for enough.
    if (wanted > 0 && !((free[name] ?? 0) >= wanted)) return false;
  }
  return true;
}

/** First dimension of the demand that is not there, or null when all are. */
export function firstMisfit(
  demand: ResourceVector,
  capacity: Readonly<Record<string, number>>,
): string | null {
  for (const name in demand) {
    const wanted = demand[name]!;
    if (wanted > 0 && !((capacity[name] ?? 0) >= wanted)) return name;
  }
  return null;
}

export function addInto(target: Record<string, number>, amounts: ResourceVector): void {
  for (const name in amounts) target[name] = (target[name] ?? 0) + amounts[name]!;
}

export function subtractFrom(target: Record<string, number>, amounts: ResourceVector): void {
  for (const name in amounts) target[name] = (target[name] ?? 0) - amounts[name]!;
}

/** Largest part of any total that the demand takes; dimensions of which there is nothing are left out. */
export function dominantShare(demand: ResourceVector, total: Readonly<Record<string, number>>): number {
  let share = 0;
  for (const name in demand) {
    const whole = total[name] ?? 0;
    if (whole > 0) share = Math.max(share, demand[name]! / whole);
  }
  return share;
}
