/**
 * Tokens of tenants with an hourly limit, leased from the ratelimiter in blocks.
 *
 * Owns: per tenant the blocks granted to this gateway and not used up. Invariants:
 * T1 a token is used only before its block's end; T2 each token granted is used once or given back or lapses;
 * T3 at most one grant per tenant is asked for at a time, so that two requests never ask for the same need.
 */
import {
  YardError,
  commands,
  rejection,
  type Identity,
  type LimitsCommand,
  type Reply,
  type TokenGrant,
} from '@yardmaster/contracts';
import { BLOCKS_FROM_PER_HOUR, Gcra } from '@yardmaster/domain';
import type { Clock } from '@yardmaster/kernel';
import type { Bus } from '@yardmaster/service-kit';

/** Tokens taken for one request, to be given back when it is refused. */
export interface Receipt {
  readonly tenant: number;
  readonly parts: readonly { readonly block: number; readonly count: number; readonly until: number }[];
  readonly limit: LimitState | null;
}

/** What the RateLimit headers say. */
export interface LimitState {
  readonly limit: number;
  readonly remaining: number;
  readonly windowSeconds: number;
  readonly resetSeconds: number;
}

interface Block {
  readonly id: number;
  readonly until: number;
  left: number;
}

interface Account {
  blocks: Block[];
  limit: number;
  remaining: number;
  queue: Promise<unknown>;
  smoothing: Gcra | null;
  burst: number | null;
}

export const UNLIMITED: Receipt = { tenant: 0, parts: [], limit: null };
const HOUR_SECONDS = 3_600;

export class TokenBlocks {
  readonly #accounts = new Map<number, Account>();

  constructor(
    private readonly bus: Bus,
    private readonly clock: Clock,
    private readonly gateway: string,
  ) {}

  /** Takes `count` tokens or rejects with `rate-limit-exceeded`. Synchronous for whoever has no limit. */
  take(identity: Identity, count: number): Receipt | Promise<Receipt> {
    if (identity.tasksPerHour === null && identity.burstPerSecond === null) return UNLIMITED;
    const account = this.#account(identity);
    this.#smooth(account, count);
    if (identity.tasksPerHour === null) return UNLIMITED;
    const taken = account.queue.then(() => this.#takeInTurn(identity.tenant, account, count));
    account.queue = taken.catch(() => undefined);
    return taken.catch((cause: unknown) => {
      account.smoothing?.giveBack(count);
      throw cause;
    });
  }

  /** Returns tokens of a request that was refused, or that repeated an earlier one. */
  giveBack(receipt: Receipt, count = Infinity): void {
    const account = this.#accounts.get(receipt.tenant);
    if (account === undefined || receipt.parts.length === 0) return;
    let left = count;
    for (const part of receipt.parts) {
      const back = Math.min(left, part.count);
      if (back <= 0) break;
      left -= back;
      account.smoothing?.giveBack(back);
      account.remaining += back;
      const block = account.blocks.find(({ id }) => id === part.block);
      // Where tokens are scarce others may need them: they go home at once.
      if (account.limit < BLOCKS_FROM_PER_HOUR) this.#sendBack(receipt.tenant, part.block, back);
      else if (block !== undefined) block.left += back;
      else account.blocks.push({ id: part.block, until: part.until, left: back });
    }
  }

  /** Gives back what this gateway holds; for a stop. */
  close(): void {
    const now = this.clock.now();
    for (const [tenant, account] of this.#accounts) {
      for (const block of account.blocks)
        if (block.left > 0 && block.until > now) this.#sendBack(tenant, block.id, block.left);
      account.blocks = [];
    }
  }

  async #takeInTurn(tenant: number, account: Account, count: number): Promise<Receipt> {
    const parts: { block: number; count: number; until: number }[] = [];
    let missing = this.#takeHeld(account, count, parts);
    // A grant may cover only a part of the need when it lies near the limit.
    for (let round = 0; missing > 0 && round < 64; round++) {
      const grant = await this.#ask(tenant, missing);
      if (!grant.ok) {
        this.#returnParts(account, parts);
        throw new YardError(grant.rejection);
      }
      const { block, until, limit, remaining } = grant.value;
      account.limit = limit;
      account.remaining = remaining;
      account.blocks.push({ id: block, until, left: grant.value.count });
      missing = this.#takeHeld(account, missing, parts);
    }
    if (missing > 0) {
      this.#returnParts(account, parts);
      throw new YardError(
        rejection('rate-limit-exceeded', 'the tokens of this hour are used up', { retryAfter: 1 }),
      );
    }
    return { tenant, parts, limit: this.#stateOf(account) };
  }

  #takeHeld(
    account: Account,
    count: number,
    parts: { block: number; count: number; until: number }[],
  ): number {
    const now = this.clock.now();
    let missing = count;
    account.blocks = account.blocks.filter((block) => block.left > 0 && block.until > now);
    for (const block of account.blocks) {
      const used = Math.min(missing, block.left);
      if (used === 0) break;
      block.left -= used;
      missing -= used;
      parts.push({ block: block.id, count: used, until: block.until });
    }
    return missing;
  }

  #returnParts(account: Account, parts: readonly { block: number; count: number }[]): void {
    for (const { block, count } of parts) {
      const held = account.blocks.find(({ id }) => id === block);
      if (held !== undefined) held.left += count;
    }
  }

  #stateOf(account: Account): LimitState {
    const held = account.blocks.reduce((sum, { left }) => sum + left, 0);
    return {
      limit: account.limit,
      remaining: Math.max(0, account.remaining) + held,
      windowSeconds: HOUR_SECONDS,
      resetSeconds: HOUR_SECONDS,
    };
  }

  #smooth(account: Account, count: number): void {
    if (account.smoothing === null) return;
    const taken = account.smoothing.take(this.clock.monotonic(), count);
    if (taken.ok) return;
    throw new YardError(
      rejection('rate-limit-exceeded', `more than ${String(account.burst)} tasks a second`, {
        retryAfter: Math.max(1, Math.ceil(taken.retryAfterMs / 1000)),
        extra: { limit: account.burst, window: '1s' },
      }),
    );
  }

  #ask(tenant: number, need: number): Promise<Reply<TokenGrant>> {
    const command: LimitsCommand = { op: 'grant', tenant, need, gateway: this.gateway };
    return this.bus.request<TokenGrant>(commands.limits, command, { patienceMs: 3_000, timeoutMs: 5_000 });
  }

  #sendBack(tenant: number, block: number, count: number): void {
    const command: LimitsCommand = { op: 'give-back', tenant, block, count, gateway: this.gateway };
    void this.bus.request(commands.limits, command);
  }

  #account(identity: Identity): Account {
    const burst = identity.burstPerSecond;
    const known = this.#accounts.get(identity.tenant);
    if (known?.burst === burst) return known;
    const smoothing = burst === null ? null : new Gcra(Math.max(burst, 1e-3));
    if (known !== undefined) return Object.assign(known, { burst, smoothing });
    const made: Account = {
      blocks: [],
      limit: identity.tasksPerHour ?? 0,
      remaining: identity.tasksPerHour ?? 0,
      queue: Promise.resolve(),
      smoothing,
      burst,
    };
    this.#accounts.set(identity.tenant, made);
    return made;
  }
}
