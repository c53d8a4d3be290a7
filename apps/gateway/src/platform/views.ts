import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  commands,
  PROJECTIONS,
  rejection,
  YardError,
  type ProjectionName,
  type ProjectorCommand,
  type Reply,
  type Verification,
  type ViewsRebuildResponse,
  type ViewsVerificationResponse,
} from '@yardmaster/contracts';
import type { Bus } from '@yardmaster/service-kit';

/** How long a call is held before it answers that the verification still runs. */
const HOLD_MS = 50_000;
const LOOK_MS = 200;
/** Dropping the tables waits for questions under way. */
const REBUILD = { timeoutMs: 30_000, patienceMs: 0 };
const VERIFY = { timeoutMs: 5_000, patienceMs: 0 };

/** What an operator does with the views; each is asked of whoever keeps it. */
export class Views {
  constructor(private readonly bus: Bus) {}

  async verify(run: string = randomUUID()): Promise<ViewsVerificationResponse> {
    const until = performance.now() + HOLD_MS;
    for (;;) {
      const [relational = null, graph = null, archive = null] = await Promise.all(
        [...PROJECTIONS, 'archive' as const].map((kept) => this.#verification(kept, run)),
      );
      const asked = [relational, graph, archive].filter((one) => one !== null);
      if (asked.length === 0) throw nobody();
      const state = stateOf(asked);
      if (state !== 'running' || performance.now() > until) {
        const equal = state === 'done' ? asked.every((one) => one.equal) : null;
        return { run, state, equal, relational, graph, archive };
      }
      await sleep(LOOK_MS);
    }
  }

  async rebuild(): Promise<ViewsRebuildResponse> {
    const replies = await Promise.all(
      PROJECTIONS.map((projection) => this.#ask<null>(projection, { op: 'rebuild' }, REBUILD)),
    );
    if (replies.every(isNobody)) throw nobody();
    for (const reply of replies) if (!reply.ok && !isNobody(reply)) throw new YardError(reply.rejection);
    return { rebuilding: PROJECTIONS.filter((_, i) => replies[i]?.ok === true) };
  }

  async #verification(kept: ProjectionName | 'archive', run: string): Promise<Verification | null> {
    const reply = await this.#ask<Verification>(kept, { op: 'verify', run }, VERIFY);
    if (reply.ok) return reply.value;
    if (isNobody(reply)) return null;
    throw new YardError(reply.rejection);
  }

  #ask<T>(
    projection: ProjectionName | 'archive',
    command: ProjectorCommand,
    options: { readonly timeoutMs: number; readonly patienceMs: number },
  ): Promise<Reply<T>> {
    return this.bus.request<T>(commands.projector(projection), command, options);
  }
}

function stateOf(asked: readonly Verification[]): Verification['state'] {
  if (asked.some(({ state }) => state === 'running')) return 'running';
  return asked.some(({ state }) => state === 'failed') ? 'failed' : 'done';
}

/** Not there, or its store is not. */
function isNobody(reply: Reply<unknown>): boolean {
  return !reply.ok && reply.rejection.code === 'unavailable';
}

function nobody(): YardError {
  return new YardError(
    rejection('unavailable', 'no projector answers: it is starting, waits for its database, or is not there'),
  );
}
