import type { Cause, DomainEvent, Envelope } from '@yardmaster/contracts';
import { describe, expect, it } from 'vitest';
import type { Role } from './role.js';
import { CAUSE_PATIENCE_MS, RoleRunner } from './role-runner.js';

const envelope = (
  stream: string,
  seq: number,
  causes: readonly Cause[] = [],
  events: readonly DomainEvent[] = [{ type: 'KeyRevoked', keyId: `${stream}${String(seq)}` }],
): Envelope => ({
  stream,
  seq,
  node: 'n',
  epoch: 1,
  commit: '',
  at: 0,
  seed: 0,
  config: '',
  causes,
  group: null,
  events,
  hash: `${stream}${String(seq)}`.padEnd(64, '0'),
  prev: '',
});

function role(): { runner: RoleRunner; told: string[] } {
  const told: string[] = [];
  const one: Role = {
    name: 'r',
    stream: 'own',
    follows: ['a', 'b'],
    apply: (event) => {
      told.push(event.type === 'KeyRevoked' ? event.keyId : event.type);
    },
    advance: () => undefined,
  };
  return { runner: new RoleRunner(one), told };
}

describe('a role that follows streams', () => {
  it('hears each envelope once, however often it is told', () => {
    const { runner, told } = role();
    for (const seq of [1, 1, 2, 1, 2]) runner.offer(envelope('a', seq), 0);
    expect(told).toEqual(['a1', 'a2']);
    expect(runner.positions()).toEqual({ a: 2 });
  });

  it('hears of an effect after its cause, and of what follows in that stream after both', () => {
    const { runner, told } = role();
    expect(runner.offer(envelope('b', 1, [['a', 2, '']]), 0)).toBe(false);
    expect(runner.offer(envelope('b', 2), 0)).toBe(false);
    runner.offer(envelope('a', 1), 0);
    expect(told).toEqual(['a1']);
    runner.offer(envelope('a', 2), 0);
    expect(told).toEqual(['a1', 'a2', 'b1', 'b2']);
  });

  it('does not wait for causes in streams that it does not follow', () => {
    const { runner, told } = role();
    runner.offer(envelope('a', 1, [['elsewhere', 9, '']]), 0);
    expect(told).toEqual(['a1']);
  });

  it('waits for a cause that never comes only so long', () => {
    const { runner, told } = role();
    runner.offer(envelope('b', 1, [['a', 5, '']]), 100);
    expect(runner.releaseOverdue(100 + CAUSE_PATIENCE_MS - 1)).toBe(false);
    expect(runner.releaseOverdue(100 + CAUSE_PATIENCE_MS)).toBe(true);
    expect(told).toEqual(['b1']);
    expect(runner.releaseOverdue(1e9)).toBe(false);
  });

  it('names what it followed since its last decision as causes, each with the hash that it saw', () => {
    const { runner } = role();
    runner.offer(envelope('a', 1), 0);
    runner.offer(envelope('a', 2), 0);
    runner.offer(envelope('b', 1), 0);
    expect(runner.takeCauses()).toEqual([
      ['a', 2, 'a2'.padEnd(16, '0')],
      ['b', 1, 'b1'.padEnd(16, '0')],
    ]);
    expect(runner.takeCauses()).toEqual([]);
  });

  it('learns its epoch from its own takeovers alone', () => {
    const { runner } = role();
    const takeover = (stream: string, seq: number, epoch: number): Envelope =>
      envelope(stream, seq, [], [{ type: 'OwnerTookOver', role: 'r', epoch, node: 'n' }]);
    runner.apply(takeover('own', 1, 4));
    runner.apply(takeover('a', 1, 9));
    expect(runner.epoch).toBe(4);
  });
});
