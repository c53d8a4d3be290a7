import type { DomainEvent, KeyRole, Subscription } from '../events/index.js';
import { SlidingWindow } from './sliding-window.js';

const HOUR_MS = 3_600_000;
/** A granted token must be used within this time, and counts this much longer than an hour: so what is accepted in any hour
 * never exceeds the limit, however late a token is used. */
export const TOKEN_TTL_MS = 10_000;

export interface TenantAccount {
  readonly n: number;
  readonly name: string;
  trusted: boolean;
  subscription: string;
  readonly window: SlidingWindow;
  /** Blocks that may still be given back: time of the grant by block. */
  readonly blocks: Map<number, { readonly at: number; left: number }>;
}

export interface ApiKey {
  readonly keyId: string;
  readonly hash: string;
  readonly tenant: number;
  readonly user: number;
  readonly role: KeyRole;
  readonly name: string;
}

/** Tenants, subscriptions, keys and the tokens granted in the last hour. */
export class AccountsState {
  readonly tenants = new Map<number, TenantAccount>();
  readonly tenantsByName = new Map<string, TenantAccount>();
  readonly subscriptions = new Map<string, Subscription>();
  readonly keys = new Map<string, ApiKey>();
  readonly keysByHash = new Map<string, ApiKey>();
  blocks = 0;
  users = 0;

  apply(event: DomainEvent, at: number): void {
    switch (event.type) {
      case 'SubscriptionDefined':
        this.subscriptions.set(event.subscription.name, event.subscription);
        return;
      case 'TenantCreated': {
        const known = this.tenants.get(event.n);
        const tenant = known ?? tenantAccount(event.n, event.tenant, event.trusted, event.subscription);
        tenant.trusted = event.trusted;
        tenant.subscription = event.subscription;
        this.tenants.set(event.n, tenant);
        this.tenantsByName.set(event.tenant, tenant);
        return;
      }
      case 'KeyCreated': {
        const key: ApiKey = {
          keyId: event.keyId,
          hash: event.hash,
          tenant: event.tenant,
          user: event.user,
          role: event.role,
          name: event.name,
        };
        this.keys.set(event.keyId, key);
        this.keysByHash.set(event.hash, key);
        this.users = Math.max(this.users, event.user);
        return;
      }
      case 'KeyRevoked': {
        const key = this.keys.get(event.keyId);
        if (key === undefined) return;
        this.keys.delete(event.keyId);
        this.keysByHash.delete(key.hash);
        return;
      }
      case 'TokensGranted': {
        const tenant = this.tenants.get(event.tenant);
        if (tenant === undefined) return;
        this.blocks = Math.max(this.blocks, event.block);
        tenant.window.record(at, event.count);
        tenant.blocks.set(event.block, { at, left: event.count });
        for (const [block, { at: granted }] of tenant.blocks) {
          if (granted > at - TOKEN_TTL_MS - HOUR_MS) break;
          tenant.blocks.delete(block);
        }
        return;
      }
      case 'TokensReturned': {
        const tenant = this.tenants.get(event.tenant);
        const block = tenant?.blocks.get(event.block);
        if (tenant === undefined || block === undefined) return;
        const count = Math.min(event.count, block.left);
        block.left -= count;
        tenant.window.giveBack(block.at, count);
        return;
      }
      default:
    }
  }

  subscriptionOf(tenant: TenantAccount): Subscription | null {
    return this.subscriptions.get(tenant.subscription) ?? null;
  }

  /** The tenant's window over the last hour; null when its subscription has no limit. */
  windowOf(tenant: TenantAccount): SlidingWindow | null {
    const limit = this.subscriptionOf(tenant)?.tasksPerHour ?? null;
    if (limit === null) return null;
    tenant.window.setLimit(limit);
    return tenant.window;
  }
}

export function tenantAccount(
  n: number,
  name: string,
  trusted: boolean,
  subscription: string,
): TenantAccount {
  const window = new SlidingWindow(0, HOUR_MS + TOKEN_TTL_MS);
  return { n, name, trusted, subscription, window, blocks: new Map() };
}
