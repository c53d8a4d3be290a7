import { YardError, commands, rejection, type LimitsCommand } from '@yardmaster/contracts';
import type { KeyRole, Subscription } from '@yardmaster/domain';
import type { Bus } from '@yardmaster/service-kit';
import { checkKey, checkSubscription, checkTenant, type SchemaCheck } from '../admission/schema-check.js';
import { invalid } from '../admission/translate-workflow.js';
import { valueOf } from '../ask.js';
import type { Caller } from '../auth/caller.js';
import { notFound } from '../tasks/task-reads.js';
import type { TenantDirectory, TenantRecord } from '../tenants.js';
import { forbidden } from './platform-reads.js';

export interface TenantJson {
  readonly id: string;
  readonly number: number;
  readonly subscription: string;
  readonly trusted: boolean;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const DEFAULT_SUBSCRIPTION = 'standard';
/** What a tenant's own administrator may hand out. */
const WITHIN_TENANT: readonly KeyRole[] = ['viewer', 'submitter', 'tenant-admin'];

/** Tenants, keys and subscriptions, kept by the ratelimiter. */
export class Accounts {
  constructor(
    private readonly bus: Bus,
    private readonly tenants: TenantDirectory,
  ) {}

  async list(): Promise<{ items: TenantJson[]; nextCursor: null }> {
    return { items: (await this.tenants.all()).map(tenantJson), nextCursor: null };
  }

  async get(caller: Caller, name: string): Promise<TenantJson> {
    this.#mustOwn(caller, name);
    const found = await this.tenants.byName(name);
    if (found === null) throw notFound(name);
    return tenantJson(found);
  }

  async put(name: string, body: unknown): Promise<TenantJson> {
    mustName(name, 'id');
    const { subscription, trusted } = checked(checkTenant, body) as {
      subscription?: string;
      trusted?: boolean;
    };
    await this.tenants.refresh();
    const before = await this.tenants.byName(name);
    await this.#say({
      op: 'put-tenant',
      tenantName: name,
      subscription:
        subscription ??
        (before === null || before.subscription === '' ? DEFAULT_SUBSCRIPTION : before.subscription),
      trusted: trusted ?? before?.trusted ?? false,
    });
    await this.tenants.refresh();
    const after = await this.tenants.byName(name);
    if (after === null) throw notFound(name);
    return tenantJson(after);
  }

  async createKey(
    caller: Caller,
    tenantName: string,
    body: unknown,
  ): Promise<{ keyId: string; key: string }> {
    this.#mustOwn(caller, tenantName);
    const { role, name } = checked(checkKey, body) as { role: KeyRole; name?: string };
    if (caller.scope !== null && !WITHIN_TENANT.includes(role))
      throw forbidden(`only an operator hands out keys with the role ${role}`);
    if ((await this.tenants.byName(tenantName)) === null) throw notFound(tenantName);
    const { keyId, key } = await this.#say<{ keyId: string; key: string }>({
      op: 'create-key',
      tenantName,
      role,
      name: name ?? role,
    });
    return { keyId, key };
  }

  async revokeKey(keyId: string): Promise<{ ok: true }> {
    await this.#say({ op: 'revoke-key', keyId });
    return { ok: true };
  }

  async putSubscription(name: string, body: unknown): Promise<Subscription> {
    mustName(name, 'name');
    const given = checked(checkSubscription, body) as Partial<Subscription>;
    const subscription: Subscription = {
      name,
      tasksPerHour: given.tasksPerHour ?? null,
      burstPerSecond: given.burstPerSecond ?? null,
      maxWaiting: given.maxWaiting ?? null,
      weight: given.weight ?? 1,
    };
    await this.#say({ op: 'put-subscription', subscription });
    return subscription;
  }

  async #say<T>(command: LimitsCommand): Promise<T> {
    return await valueOf(this.bus.request<T>(commands.limits, command));
  }

  /** Another tenant is not there at all for whoever is not an operator. */
  #mustOwn(caller: Caller, name: string): void {
    if (caller.scope !== null && name !== caller.identity.tenantName) throw notFound(name);
  }
}

function tenantJson({ n, name, subscription, trusted }: TenantRecord): TenantJson {
  return { id: name, number: n, subscription, trusted };
}

function checked(check: SchemaCheck, body: unknown): unknown {
  const wrong = check(body);
  if (wrong !== null) throw new YardError(invalid(wrong));
  return body;
}

function mustName(name: string, path: string): void {
  if (!NAME.test(name))
    throw new YardError(
      rejection(
        'invalid-request',
        'a name is 1 to 63 small letters, digits and dashes, not beginning with a dash',
        { errors: [{ path, message: 'is not a name' }] },
      ),
    );
}
