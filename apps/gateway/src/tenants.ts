import { commands } from '@yardmaster/contracts';
import type { Bus } from '@yardmaster/service-kit';
import { valueOf } from './ask.js';

export interface TenantRecord {
  readonly n: number;
  readonly name: string;
  readonly subscription: string;
  readonly trusted: boolean;
}

const KEEP_MS = 60_000;

/** Names and numbers of tenants, as the ratelimiter tells them. */
export class TenantDirectory {
  #byNumber = new Map<number, TenantRecord>();
  #byName = new Map<string, TenantRecord>();
  #readAt = -Infinity;
  #reading: Promise<void> | null = null;

  constructor(
    private readonly bus: Bus,
    private readonly monotonic: () => number,
  ) {}

  async all(): Promise<readonly TenantRecord[]> {
    await this.refresh();
    return [...this.#byNumber.values()];
  }

  async byName(name: string): Promise<TenantRecord | null> {
    const known = this.#byName.get(name);
    if (known !== undefined && this.#isFresh()) return known;
    await this.refresh();
    return this.#byName.get(name) ?? null;
  }

  /** Name to show; the number itself when nothing better is known. */
  async nameOf(n: number): Promise<string> {
    if (!this.#byNumber.has(n)) await this.refresh().catch(() => undefined);
    return this.#byNumber.get(n)?.name ?? String(n);
  }

  async names(numbers: Iterable<number>): Promise<ReadonlyMap<number, string>> {
    const names = new Map<number, string>();
    for (const n of new Set(numbers)) names.set(n, await this.nameOf(n));
    return names;
  }

  /** Remembers what an authenticated key says, so that most answers need no question. */
  learn(n: number, name: string): void {
    if (!this.#byNumber.has(n)) this.#byNumber.set(n, { n, name, subscription: '', trusted: false });
  }

  async refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  async #read(): Promise<void> {
    const { tenants } = await valueOf(
      this.bus.request<{ tenants: readonly TenantRecord[] }>(
        commands.limits,
        { op: 'list-tenants' },
        { patienceMs: 3_000 },
      ),
    );
    this.#byNumber = new Map(tenants.map((tenant) => [tenant.n, tenant]));
    this.#byName = new Map(tenants.map((tenant) => [tenant.name, tenant]));
    this.#readAt = this.monotonic();
  }

  #isFresh(): boolean {
    return this.monotonic() - this.#readAt < KEEP_MS;
  }
}
