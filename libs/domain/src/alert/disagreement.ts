/** What its owner says of a task; null = it does not know it. */
export interface OwnerSays {
  /** A fine state, as in docs/reference/lifecycle.md. */
  readonly state: string;
  readonly isEnded: boolean;
  /** Fence of the attempt that it takes for live; null = none. */
  readonly fence: number | null;
}

/** What the queue manager says of it; null = it does not hold it. */
export type QueueSays = 'visible' | 'leased' | 'backing_off' | 'done' | null;

/** What the resource manager says of it. */
export interface ResourcesSay {
  /** How it stands among what may be placed; null = it is not there. */
  readonly entry: 'visible' | 'leased' | 'out' | 'behind' | 'gone' | null;
  /** Fence of its live lease; null = none. */
  readonly fence: number | null;
  /** Time of that lease, ms; 0 = none. */
  readonly ttlMs: number;
}

export interface Views {
  readonly owner: OwnerSays | null;
  readonly queue: QueueSays;
  readonly resources: ResourcesSay;
}

export interface Disagreement {
  /** Who says what, in words; the same words while nothing changes. */
  readonly what: string;
  /** What an operator does about it. */
  readonly action: string;
}

const RESTART_RESOURCES = 'restart the resource-manager: a new owner ends leases that nothing stands behind';
const RESTART_QUEUE = 'restart the queue-manager, and look at its log';
const FORCE_END = 'end it with `yard task force-end ID --reason TEXT`, and submit it again if it is wanted';

/**
 * How the three that know a task contradict each other; null when they do not. They hear of each other a moment late: what is
 * found here means something only when it is found again and again, unchanged.
 */
export function disagreementOf({ owner, queue, resources }: Views): Disagreement | null {
  const says = owner === null ? 'does not know it' : `has it as ${owner.state}`;
  const isOpen = owner !== null && !owner.isEnded;
  if (resources.fence !== null && !isOpen)
    return {
      what: `its owner ${says}, and the resource manager holds a lease for it`,
      action: RESTART_RESOURCES,
    };
  if (!isOpen) {
    if (queue !== null && queue !== 'done')
      return { what: `its owner ${says}, and the queue keeps it as ${queue}`, action: RESTART_QUEUE };
    return null;
  }
  if (owner.fence !== resources.fence)
    return {
      what: `its owner ${owner.fence === null ? 'knows no live attempt' : 'waits for an attempt'}, and the resource manager ${resources.fence === null ? 'holds no lease for it' : 'holds a lease that its owner does not know'}`,
      action: FORCE_END,
    };
  if (resources.fence !== null && queue !== 'leased')
    return {
      what: `the resource manager holds a lease for it, and the queue ${queue === null ? 'does not hold it' : `has it as ${queue}`}`,
      action: FORCE_END,
    };
  if (queue === 'leased' && resources.fence === null)
    return {
      what: 'the queue takes it for running, and the resource manager holds no lease for it',
      action: FORCE_END,
    };
  if (queue === 'visible' && (resources.entry === null || resources.entry === 'out'))
    return {
      what: `the queue shows it, and the resource manager ${resources.entry === null ? 'does not know it' : 'waits for the queue to show it'}`,
      action: RESTART_RESOURCES,
    };
  const isWithQueue = owner.state === 'queued' || owner.state === 'backing_off' || owner.fence !== null;
  if (isWithQueue && queue === null)
    return { what: `its owner ${says}, and the queue does not hold it`, action: FORCE_END };
  return null;
}

interface Standing {
  readonly what: string;
  readonly action: string;
  readonly since: number;
  readonly standsMs: number;
}

/** Beyond the time of a lease: what each side may hear late, and the time that a new owner takes. */
const MARGIN_MS = 30_000;
/** Tasks that are remembered as contradictory; the rest are looked at again in their turn. */
const MOST = 1_000;

/** Contradictions as they are seen, each from when it was first seen unchanged. Times are of a clock that never goes back. */
export class DisagreementBook {
  readonly #standing = new Map<string, Standing>();

  readonly #leaseTtlMs: number;

  constructor(leaseTtlMs: number) {
    this.#leaseTtlMs = leaseTtlMs;
  }

  /** What three answers of the same moment say of a task. */
  saw(task: string, views: Views, now: number): void {
    const found = disagreementOf(views);
    const before = this.#standing.get(task);
    if (found === null) this.#standing.delete(task);
    else if (before?.what !== found.what && (before !== undefined || this.#standing.size < MOST))
      this.#standing.set(task, {
        ...found,
        since: now,
        standsMs: Math.max(this.#leaseTtlMs, views.resources.ttlMs) + MARGIN_MS,
      });
  }

  /** Tasks to be looked at again. */
  tasks(): string[] {
    return [...this.#standing.keys()];
  }

  /** Those that have stood unchanged for longer than any lease of theirs lasts. */
  stuck(
    now: number,
  ): { readonly task: string; readonly what: string; readonly action: string; readonly sinceMs: number }[] {
    return [...this.#standing]
      .filter(([, { since, standsMs }]) => now - since >= standsMs)
      .map(([task, { what, action, since }]) => ({ task, what, action, sinceMs: now - since }));
  }
}
