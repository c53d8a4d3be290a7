import { describe, expect, it } from 'vitest';
import { rules, type Decided } from './given.js';

type Turned = { readonly type: 'Turned'; readonly by: number };
const decide = (by: number, state: { sum: number }): Decided<Turned> => {
  if (by === 0) return { kind: 'ignored', reason: 'no-change' };
  if (state.sum + by > 10) return { kind: 'rejected', rejection: { code: 'too-far' } };
  return { kind: 'accepted', events: [{ type: 'Turned', by }] };
};

describe.each([
  ['that returns the next state', (state: { sum: number }, e: Turned) => ({ sum: state.sum + e.by })],
  ['that changes the state it has', (state: { sum: number }, e: Turned) => void (state.sum += e.by)],
])('given, when, then over an evolve %s', (_, evolve) => {
  const given = rules<{ sum: number }, number, Turned>({ initial: () => ({ sum: 0 }), evolve, decide });

  it('compares the events and folds them', () => {
    const told = given({ type: 'Turned', by: 2 }).when(3).then({ type: 'Turned', by: 3 });
    expect(told.state).toEqual({ sum: 5 });
    expect(told.events()).toHaveLength(1);
    given().when(0).ignored('no-change');
    given({ type: 'Turned', by: 9 }).when(2).rejected('too-far');
  });

  it('fails when something else was decided', () => {
    expect(() => given().when(1).then({ type: 'Turned', by: 2 })).toThrow();
    expect(() => given().when(1).ignored()).toThrow('accepted');
    expect(() => given().when(1).rejected()).toThrow('accepted');
    expect(() => given().when(0).ignored('other')).toThrow();
    expect(() => given().when(0).events()).toThrow('ignored');
  });
});
