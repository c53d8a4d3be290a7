import { describe, expect, it } from 'vitest';
import type { Assignment, Work } from './frames.js';
import { readRun, runMessages } from './run-message.js';
import { BATCH_BYTES, pack, unpack } from '../wire.js';

const run: Work['run'] = {
  script: null,
  scriptHash: null,
  command: null,
  args: null,
  env: null,
  input: null,
};
const work: Work = {
  kind: 'handler',
  tenant: 1,
  name: 'noop',
  handler: 'noop',
  run,
  capMs: 60_000,
  parents: null,
  traceparent: null,
};
const sent = (assignments: readonly Assignment[]): Assignment[][] =>
  runMessages(assignments).map((message) => readRun(unpack(pack(message)) as typeof message));

describe('the message that hands out attempts', () => {
  it('brings each attempt over as it was', () => {
    const assignments: Assignment[] = [
      ['1', 1, 5, work],
      ['2', 3, 2 ** 33, { ...work, capMs: 7, parents: { a: [1], b: null } }],
      ['3', 1, 6, { ...work, traceparent: '00-a-b-01' }],
      [
        '4',
        1,
        7,
        { ...work, name: 'other', handler: null, kind: 'command', run: { ...run, command: ['true'] } },
      ],
      ['5', 1, 8, { ...work, tenant: 2, run: { ...run, input: { deep: [1, { x: null }] } } }],
      ['6', 2, 9, { ...work, checkpoint: { page: 4 } }],
      ['7', 2, 9, { ...work, checkpoint: null }],
      ['8', 1, 10, { ...work, leaseTtlMs: 300_000 }],
      ['9', 1, 11, work],
    ];
    expect(sent(assignments).flat()).toEqual(assignments);
  });

  it('tells what attempts have in common once', () => {
    const many = Array.from({ length: 100 }, (_, i): Assignment => [String(i), 1, i, { ...work }]);
    const [message] = runMessages(many);
    expect(message?.[1]).toHaveLength(1);
    expect(message?.[2]).toHaveLength(100);
  });

  it('cuts a flood into messages that each travel in one piece, and repeats what they share', () => {
    const input = 'x'.repeat(1_000);
    const many = Array.from({ length: 3_000 }, (_, i): Assignment => [
      String(i),
      1,
      i,
      i % 3 === 0 ? { ...work, run: { ...run, input } } : work,
    ]);
    const messages = runMessages(many);
    expect(messages.length).toBeGreaterThan(10);
    for (const message of messages) expect(pack([message]).length).toBeLessThanOrEqual(BATCH_BYTES);
    expect(sent(many).flat()).toEqual(many);
  });
});
