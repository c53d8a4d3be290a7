import { describe, expect, it } from 'vitest';
import { creditOf } from './credit.js';

const sdk = (
  handlers: readonly string[],
  slots: number,
  more: { healthy?: boolean; tenant?: number } = {},
) => ({
  healthy: more.healthy ?? true,
  cordoned: false,
  kind: 'sdk' as const,
  handlers: new Set(handlers),
  tenant: more.tenant ?? null,
  capacity: { slots },
});

describe('the credit of workers', () => {
  it('tells those that are alike together, by runtime', () => {
    const workers = [sdk(['a', 'b'], 2), sdk(['a'], 2), sdk(['a'], 3), sdk(['a'], 2, { tenant: 7 })];
    expect(creditOf(workers)).toEqual({
      'handler:a': [
        { total: { slots: 2 }, tenant: null, workers: 2 },
        { total: { slots: 3 }, tenant: null, workers: 1 },
        { total: { slots: 2 }, tenant: 7, workers: 1 },
      ],
      'handler:b': [{ total: { slots: 2 }, tenant: null, workers: 1 }],
    });
  });

  it('leaves out those that are given nothing', () => {
    expect(creditOf([sdk(['a'], 2, { healthy: false }), { ...sdk(['a'], 2), cordoned: true }])).toEqual({});
    expect(creditOf([{ ...sdk([], 0), kind: 'agent', capacity: { cpu: 4 } }])).toEqual({
      exec: [{ total: { cpu: 4 }, tenant: null, workers: 1 }],
    });
  });
});
