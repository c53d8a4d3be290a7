import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GENERATOR_LEASE_MS, GeneratorLeases } from './generator-leases.js';
import { IdMinter } from './id-minter.js';
import { ID_EPOCH_MS } from './layout.js';

const START = ID_EPOCH_MS + 1_000_000;

function leases(): {
  ask: (partition: number, holder: string, now: number) => ReturnType<GeneratorLeases['decide']>;
  state: GeneratorLeases;
} {
  const state = new GeneratorLeases();
  return {
    state,
    ask: (partition, holder, now) => {
      const lease = state.decide(partition, holder, now);
      state.apply(lease);
      return lease;
    },
  };
}

describe('a generator lease', () => {
  it('gives each holder a generator of its own', () => {
    const { ask } = leases();
    const generators = Array.from({ length: 16 }, (_, i) => ask(3, `h${String(i)}`, START).generator);
    expect(new Set(generators).size).toBe(16);
    expect(ask(4, 'h0', START).generator).toBe(0);
  });

  it('is extended for its holder while it lasts, and never shortened', () => {
    const { ask } = leases();
    const first = ask(0, 'a', START);
    expect(ask(0, 'a', START + 10)).toEqual({ ...first, untilMs: START + 10 + GENERATOR_LEASE_MS });
    expect(ask(0, 'a', START - 50).untilMs).toBe(START + 10 + GENERATOR_LEASE_MS);
  });

  it('that is given to another begins where the one before it ended', () => {
    const { ask } = leases();
    for (let i = 0; i < 16; i++) ask(0, `h${String(i)}`, START + i);
    const late = ask(0, 'late', START + 20);
    expect([late.generator, late.fromMs]).toEqual([0, START + GENERATOR_LEASE_MS]);
  });

  it('lets no id be made twice, whoever asks when, also after a restart from the log and under a clock that goes back', () => {
    const asks = fc.array(
      fc.record({
        holder: fc.nat(20),
        move: fc.integer({ min: -2_000, max: 90_000 }),
        restart: fc.boolean(),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(asks, (all) => {
        let state = new GeneratorLeases();
        const log: ReturnType<GeneratorLeases['decide']>[] = [];
        const made = new Set<string>();
        const minters = new Map<string, IdMinter>();
        let now = START;
        for (const { holder, move, restart } of all) {
          now = Math.max(START, now + move);
          if (restart) {
            state = new GeneratorLeases();
            for (const lease of log) state.apply(lease);
          }
          const name = `h${String(holder)}`;
          const lease = state.decide(0, name, now);
          state.apply(lease);
          log.push(lease);
          const known = minters.get(`${name}/${String(lease.generator)}/${String(lease.fromMs)}`);
          const minter = known ?? new IdMinter(lease);
          minter.extend(lease.untilMs);
          minters.set(`${name}/${String(lease.generator)}/${String(lease.fromMs)}`, minter);
          for (let i = 0; i < 3; i++) {
            const id = minter.mint(now);
            if (id === null) continue;
            expect(made.has(id)).toBe(false);
            made.add(id);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
