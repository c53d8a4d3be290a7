import { hash } from 'node:crypto';
import { YardError, rejection, type Rejection } from '@yardmaster/contracts';
import { idPartition, type Claim } from '@yardmaster/domain';
import { err, ok, type Result } from '@yardmaster/kernel';

/** Chooses the owner of a new task. */
export class PartitionChooser {
  #next: number;

  constructor(
    readonly count: number,
    start = Math.floor(Math.random() * count),
  ) {
    this.#next = start % count;
  }

  /** Spread evenly. */
  next(): number {
    const chosen = this.#next;
    this.#next = chosen + 1 === this.count ? 0 : chosen + 1;
    return chosen;
  }

  /** The same key always meets the same owner. */
  ofClaim(claim: Claim): number {
    return Buffer.from(claim.key, 'base64url').readUInt32BE(0) % this.count;
  }

  /** Where the parents live; null without parents. */
  ofParents(needs: readonly string[]): Result<number | null, Rejection> {
    let partition: number | null = null;
    for (const parent of needs) {
      const p = idPartition(parent);
      if (p >= this.count)
        return err(rejection('unknown-parent', `there is no task ${parent}`, { extra: { parent } }));
      if (partition !== null && partition !== p) {
        return err(
          rejection(
            'parents-in-several-partitions',
            'these parents live in different partitions; a lone task can depend on tasks of one partition only. Submit them together as a workflow',
            { extra: { parents: needs } },
          ),
        );
      }
      partition = p;
    }
    return ok(partition);
  }
}

/** Hash of (tenant, key) and of the body, whatever the order of its fields. */
export function claimOf(tenant: number, key: string, body: unknown): Claim {
  try {
    return { key: short(`${String(tenant)}\n${key}`), body: short(canonicalJson(body)) };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new YardError(rejection('invalid-request', 'the body is nested too deep'), { cause });
  }
}

function short(text: string): string {
  return hash('sha256', text, 'buffer').subarray(0, 16).toString('base64url');
}

/** JSON with the names of every object in order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    const names = Object.keys(inner);
    for (let i = 1; i < names.length; i++) {
      if (names[i - 1]! > names[i]!)
        return Object.fromEntries(
          names.sort().map((name) => [name, (inner as Record<string, unknown>)[name]]),
        );
    }
    return inner;
  });
}
