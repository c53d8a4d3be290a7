import type { CommitGroup, Envelope } from '@yardmaster/contracts';
import { describe, expect, it } from 'vitest';
import { CommitGroups } from './commit-groups.js';

const envelope = (seq: number, group: CommitGroup | null): Envelope => ({
  stream: 's',
  seq,
  node: 'n',
  epoch: 1,
  commit: String(seq),
  at: 0,
  seed: 0,
  config: '',
  causes: [],
  group,
  events: [{ type: 'KeyRevoked', keyId: String(seq) }],
  hash: '',
  prev: '',
});
const told = (envelopes: readonly Envelope[]): [number, number][] =>
  envelopes.map(({ seq, events }) => [seq, events.length]);

describe('a change larger than an envelope', () => {
  it('counts when all its parts are there, in order', () => {
    const groups = new CommitGroups();
    expect(told(groups.accept(envelope(1, null)))).toEqual([[1, 1]]);
    expect(groups.accept(envelope(2, { id: 'g', k: 1, n: 3 }))).toEqual([]);
    expect(groups.accept(envelope(3, { id: 'g', k: 2, n: 3 }))).toEqual([]);
    expect(told(groups.accept(envelope(4, { id: 'g', k: 3, n: 3 })))).toEqual([
      [2, 1],
      [3, 1],
      [4, 1],
    ]);
  });

  it('that was cut short comes out empty before what follows, so that no position is missing', () => {
    const groups = new CommitGroups();
    groups.accept(envelope(1, { id: 'g', k: 1, n: 3 }));
    groups.accept(envelope(2, { id: 'g', k: 2, n: 3 }));
    expect(told(groups.accept(envelope(3, null)))).toEqual([
      [1, 0],
      [2, 0],
      [3, 1],
    ]);
    groups.accept(envelope(4, { id: 'h', k: 1, n: 2 }));
    expect(told(groups.accept(envelope(5, { id: 'i', k: 1, n: 2 })))).toEqual([[4, 0]]);
    expect(told(groups.accept(envelope(6, { id: 'i', k: 2, n: 2 })))).toEqual([
      [5, 1],
      [6, 1],
    ]);
  });

  it('of one part counts at once', () => {
    expect(told(new CommitGroups().accept(envelope(1, { id: 'g', k: 1, n: 1 })))).toEqual([[1, 1]]);
  });
});
