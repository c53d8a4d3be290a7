import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DomainEvent } from '../events/index.js';
import { AccountsState, TOKEN_TTL_MS } from './accounts-state.js';

const HOUR = 3_600_000;
const subscription = (tasksPerHour: number | null): DomainEvent => ({
  type: 'SubscriptionDefined',
  subscription: { name: 's', tasksPerHour, burstPerSecond: null, maxWaiting: null, weight: 1 },
});
const tenant: DomainEvent = {
  type: 'TenantCreated',
  n: 1,
  tenant: 'acme',
  trusted: false,
  subscription: 's',
};
const granted = (block: number, count: number): DomainEvent => ({
  type: 'TokensGranted',
  tenant: 1,
  block,
  count,
  gateway: 'g',
});
const returned = (block: number, count: number): DomainEvent => ({
  type: 'TokensReturned',
  tenant: 1,
  block,
  count,
});

function accounts(...events: readonly (readonly [at: number, event: DomainEvent])[]): AccountsState {
  const state = new AccountsState();
  for (const [at, event] of [[0, subscription(10)], [0, tenant], ...events] as const) state.apply(event, at);
  return state;
}
const freeOf = (state: AccountsState, now: number): number | undefined => {
  const account = state.tenants.get(1);
  return account === undefined ? undefined : state.windowOf(account)?.available(now);
};

describe('tokens', () => {
  it('granted count for an hour and the time in which they may be used', () => {
    const state = accounts([1_000, granted(1, 4)], [2_000, granted(2, 6)]);
    expect(freeOf(state, 2_000)).toBe(0);
    expect(freeOf(state, 1_000 + HOUR + TOKEN_TTL_MS - 1)).toBe(0);
    expect(freeOf(state, 1_000 + HOUR + TOKEN_TTL_MS)).toBe(4);
    expect(state.blocks).toBe(2);
  });

  it('given back are free again, never more than were granted', () => {
    const state = accounts(
      [1_000, granted(1, 4)],
      [1_500, returned(1, 3)],
      [1_600, returned(1, 3)],
      [1_700, returned(9, 3)],
    );
    expect(freeOf(state, 2_000)).toBe(10);
    expect(freeOf(accounts([1_000, granted(1, 4)], [1_500, returned(1, 1)]), 2_000)).toBe(7);
  });

  it('of an unknown tenant change nothing', () => {
    const state = accounts(
      [1, { type: 'TokensGranted', tenant: 9, block: 5, count: 1, gateway: 'g' }],
      [2, { type: 'TokensReturned', tenant: 9, block: 5, count: 1 }],
    );
    expect([state.blocks, freeOf(state, 3)]).toEqual([0, 10]);
  });

  it('cannot be counted where the subscription has no limit', () => {
    const state = accounts([1, subscription(null)]);
    expect(freeOf(state, 2)).toBeUndefined();
  });

  it('never exceed the limit in any hour, whatever is asked, given back or read again (I7)', () => {
    const asked = fc.array(
      fc.record({ after: fc.nat(1_200_000), n: fc.integer({ min: 1, max: 5 }), back: fc.nat(5) }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(asked, (requests) => {
        const log: [number, DomainEvent][] = [];
        const live = accounts();
        const accepted: [at: number, n: number][] = [];
        let now = 1;
        let block = 0;
        for (const { after, n, back } of requests) {
          now += after;
          if ((freeOf(live, now) ?? 0) < n) continue;
          const take = (event: DomainEvent): void => {
            log.push([now, event]);
            live.apply(event, now);
          };
          take(granted(++block, n));
          const unused = Math.min(back, n);
          if (unused > 0) take(returned(block, unused));
          accepted.push([now, n - unused]);
          // The log read again leads to the same answers.
          expect(freeOf(accounts(...log), now)).toBe(freeOf(live, now));
        }
        for (const [from] of accepted) {
          const used = accepted
            .filter(([at]) => at >= from && at < from + HOUR)
            .reduce((sum, [, n]) => sum + n, 0);
          expect(used).toBeLessThanOrEqual(10);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('accounts', () => {
  it('know a key by its hash until it is revoked', () => {
    const key: DomainEvent = {
      type: 'KeyCreated',
      keyId: 'k',
      hash: 'h',
      tenant: 1,
      user: 4,
      role: 'submitter',
      name: 'n',
    };
    const state = accounts([1, key]);
    expect(state.keysByHash.get('h')).toMatchObject({ keyId: 'k', tenant: 1, user: 4 });
    expect(state.users).toBe(4);
    state.apply({ type: 'KeyRevoked', keyId: 'k' }, 2);
    state.apply({ type: 'KeyRevoked', keyId: 'unknown' }, 2);
    expect([state.keys.size, state.keysByHash.size]).toEqual([0, 0]);
  });

  it('of a tenant that is put again keep what it used and take its new subscription', () => {
    const state = accounts(
      [1_000, granted(1, 4)],
      [
        1_001,
        {
          type: 'SubscriptionDefined',
          subscription: { name: 't', tasksPerHour: 5, burstPerSecond: null, maxWaiting: null, weight: 1 },
        },
      ],
      [1_002, { ...tenant, type: 'TenantCreated', n: 1, tenant: 'acme', trusted: true, subscription: 't' }],
    );
    expect(freeOf(state, 2_000)).toBe(1);
    expect(state.tenantsByName.get('acme')).toMatchObject({ n: 1, trusted: true });
  });
});
