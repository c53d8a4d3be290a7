import {
  commands,
  rejection,
  snapshotForms,
  streams,
  telemetry,
  type Identity,
  type LimitsCommand,
  type Reply,
  type TokenGrant,
} from '@yardmaster/contracts';
import {
  AccountsState,
  type AccountEvent,
  blockSize,
  type DomainEvent,
  type KeyRole,
  type Subscription,
  TOKEN_TTL_MS,
} from '@yardmaster/domain';
import type { CommandHandlers, EventOrigin, Role, RoleContext } from '@yardmaster/service-kit';
import { hashKey, newKey } from './keys.js';

const SHIPPED: readonly Subscription[] = [
  { name: 'operator', tasksPerHour: null, burstPerSecond: null, maxWaiting: null, weight: 1 },
  { name: 'free', tasksPerHour: 100, burstPerSecond: 5, maxWaiting: 1_000, weight: 1 },
  { name: 'standard', tasksPerHour: 10_000, burstPerSecond: 200, maxWaiting: 100_000, weight: 2 },
  { name: 'premium', tasksPerHour: 1_000_000, burstPerSecond: 5_000, maxWaiting: 1_000_000, weight: 4 },
];

/** Keys that exist before anyone can ask for one; whoever starts the yard keeps their texts in files. */
export interface FirstKey {
  readonly role: KeyRole;
  readonly name: string;
  readonly key: string;
  readonly keyId: string;
}

/**
 * Owner of tenants, users, subscriptions, keys and tokens. The hourly limit is exact because it is computed from the grant
 * log; gateways lease tokens in blocks where the limit is large.
 */
export class LimitsRole implements Role {
  readonly name = 'limits';
  readonly stream = streams.accounts;
  readonly follows: readonly string[] = [];
  readonly state = new AccountsState();
  readonly snapshot = snapshotForms.accounts(this.state);
  readonly serves: CommandHandlers = {
    [commands.limits]: (body: LimitsCommand, ctx) => this.#handle(body, ctx),
  };

  constructor(private readonly firstKeys: readonly FirstKey[]) {}

  apply(event: DomainEvent, from: EventOrigin): void {
    this.state.apply(event, from.at);
  }

  takeOver(ctx: RoleContext): void {
    const events: AccountEvent[] = [];
    for (const subscription of SHIPPED)
      if (!this.state.subscriptions.has(subscription.name))
        events.push({ type: 'SubscriptionDefined', subscription });
    if (this.state.tenants.size === 0)
      events.push({
        type: 'TenantCreated',
        n: 1,
        tenant: 'default',
        trusted: true,
        subscription: 'operator',
      });
    let user = this.state.users;
    for (const first of this.firstKeys) {
      if (this.state.keysByHash.has(hashKey(first.key))) continue;
      events.push({
        type: 'KeyCreated',
        keyId: first.keyId,
        hash: hashKey(first.key),
        tenant: 1,
        user: ++user,
        role: first.role,
        name: first.name,
      });
    }
    if (events.length > 0) ctx.commit(events);
  }

  advance(): void {
    // Nothing is due by itself: every decision here answers a command.
  }

  #handle(command: LimitsCommand, ctx: RoleContext): Promise<Reply<unknown>> | Reply<unknown> {
    switch (command.op) {
      case 'authenticate':
        return this.#authenticate(command.hash);
      case 'grant':
        return this.#grant(command, ctx);
      case 'give-back':
        ctx.commit([
          { type: 'TokensReturned', tenant: command.tenant, block: command.block, count: command.count },
        ]);
        return { ok: true, value: null };
      case 'create-key':
        return this.#createKey(command, ctx);
      case 'revoke-key':
        return this.#revokeKey(command.keyId, ctx);
      case 'put-tenant':
        return this.#putTenant(command, ctx);
      case 'put-subscription':
        return committed(
          ctx,
          [{ type: 'SubscriptionDefined', subscription: command.subscription }],
          command.subscription,
        );
      case 'list-tenants':
        return {
          ok: true,
          value: {
            tenants: [...this.state.tenants.values()].map((t) => ({
              n: t.n,
              name: t.name,
              subscription: t.subscription,
              trusted: t.trusted,
            })),
          },
        };
      default:
        return { ok: false, rejection: rejection('invalid-request', 'unknown command') };
    }
  }

  #authenticate(hash: string): Reply<Identity> {
    const key = this.state.keysByHash.get(hash);
    const tenant = key === undefined ? undefined : this.state.tenants.get(key.tenant);
    if (key === undefined || tenant === undefined)
      return {
        ok: false,
        rejection: rejection(
          'unauthenticated',
          'this key is not known; check YARD_TOKEN or ask for a new key',
        ),
      };
    const subscription = this.state.subscriptionOf(tenant);
    return {
      ok: true,
      value: {
        keyId: key.keyId,
        tenant: tenant.n,
        tenantName: tenant.name,
        trusted: tenant.trusted,
        user: key.user,
        role: key.role,
        tasksPerHour: subscription?.tasksPerHour ?? null,
        burstPerSecond: subscription?.burstPerSecond ?? null,
      },
    };
  }

  #grant(
    { tenant: n, need, gateway }: Extract<LimitsCommand, { op: 'grant' }>,
    ctx: RoleContext,
  ): Promise<Reply<TokenGrant>> | Reply<TokenGrant> {
    const tenant = this.state.tenants.get(n);
    if (tenant === undefined)
      return { ok: false, rejection: rejection('not-found', 'there is no such tenant') };
    const limit = this.state.subscriptionOf(tenant)?.tasksPerHour ?? null;
    const window = this.state.windowOf(tenant);
    const now = ctx.now();
    if (limit === null || window === null)
      return {
        ok: true,
        value: { block: 0, count: need, until: now + TOKEN_TTL_MS, limit: 0, remaining: need },
      };
    const free = window.available(now);
    if (free < need) {
      const wait = window.retryAfterMs(now, need);
      const detail =
        need > limit
          ? `Limit exceeded: ${String(need)} tasks at once are more than the ${String(limit)} an hour of subscription ${tenant.subscription}`
          : `Limit exceeded: subscription ${tenant.subscription} admits ${String(limit)} tasks an hour; ${String(free)} are left`;
      return {
        ok: false,
        rejection: rejection('rate-limit-exceeded', detail, {
          ...(Number.isFinite(wait) ? { retryAfter: Math.ceil(wait / 1000) } : {}),
          extra: { limit, remaining: free },
        }),
      };
    }
    const count = Math.max(need, Math.min(free, blockSize(limit, free)));
    const block = this.state.blocks + 1;
    const grant: TokenGrant = { block, count, until: now + TOKEN_TTL_MS, limit, remaining: free - count };
    return committed(ctx, [{ type: 'TokensGranted', tenant: n, block, count, gateway }], grant);
  }

  #createKey(
    command: Extract<LimitsCommand, { op: 'create-key' }>,
    ctx: RoleContext,
  ): Promise<Reply<unknown>> | Reply<unknown> {
    const tenant = this.state.tenantsByName.get(command.tenantName);
    if (tenant === undefined)
      return { ok: false, rejection: rejection('not-found', `there is no tenant ${command.tenantName}`) };
    const { keyId, key, hash } = newKey();
    const event: AccountEvent = {
      type: 'KeyCreated',
      keyId,
      hash,
      tenant: tenant.n,
      user: this.state.users + 1,
      role: command.role,
      name: command.name,
    };
    return committed(ctx, [event], { keyId, key, userId: event.user });
  }

  #revokeKey(keyId: string, ctx: RoleContext): Promise<Reply<unknown>> | Reply<unknown> {
    const key = this.state.keys.get(keyId);
    if (key === undefined)
      return { ok: false, rejection: rejection('not-found', `there is no key ${keyId}`) };
    return committed(ctx, [{ type: 'KeyRevoked', keyId }], { keyId }, () => {
      ctx.tell(telemetry.keyRevoked, { hash: key.hash });
    });
  }

  #putTenant(
    command: Extract<LimitsCommand, { op: 'put-tenant' }>,
    ctx: RoleContext,
  ): Promise<Reply<unknown>> | Reply<unknown> {
    if (!this.state.subscriptions.has(command.subscription))
      return {
        ok: false,
        rejection: rejection('not-found', `there is no subscription ${command.subscription}`),
      };
    const known = this.state.tenantsByName.get(command.tenantName);
    const n = known?.n ?? this.state.tenants.size + 1;
    const event: AccountEvent = {
      type: 'TenantCreated',
      n,
      tenant: command.tenantName,
      trusted: command.trusted,
      subscription: command.subscription,
    };
    return committed(ctx, [event], {
      n,
      name: command.tenantName,
      subscription: command.subscription,
      trusted: command.trusted,
    });
  }
}

function committed<T>(
  ctx: RoleContext,
  events: readonly AccountEvent[],
  value: T,
  then?: () => void,
): Promise<Reply<T>> {
  return new Promise((resolve) => {
    ctx.commit(events, () => {
      resolve({ ok: true, value });
      then?.();
    });
  });
}
