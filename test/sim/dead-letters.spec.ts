import { eventSubject, streams } from '@yardmaster/contracts';
import { MemoryLogWorld } from '@yardmaster/eventlog-memory';
import { describe, expect, it } from 'vitest';
import { DeadLetters, type DeadLetter } from '@yardmaster/service-kit';

const world = new MemoryLogWorld();
let now = 1_000;

async function open(): Promise<{ letters: DeadLetters; counted: string[]; kept: DeadLetter[] }> {
  const log = world.open();
  const name = streams.deadLetters;
  await log.ensure([{ name, subject: eventSubject(name), maxBytes: null }]);
  const counted: string[] = [];
  const kept: DeadLetter[] = [];
  const letters = new DeadLetters({
    log,
    node: 'n',
    clock: { now: () => now, monotonic: () => now },
    count: (where) => counted.push(where),
    kept: (letter) => kept.push(letter),
    failed: (error) => {
      throw error;
    },
  });
  return { letters, counted, kept };
}

describe('dead letters', () => {
  it('keep why a message was set aside and how it began, newest first', async () => {
    const { letters } = await open();
    letters.add({ where: 'command', subject: 'a', reason: 'no msgpack', data: Buffer.alloc(9_000, 'x') });
    letters.add({ where: 'log', subject: 'b', reason: 'r'.repeat(9_000), data: Buffer.from('yz') });
    await world.settled();
    const [second, first] = await letters.list(2);
    expect(first).toMatchObject({ at: 1_000, node: 'n', where: 'command', subject: 'a', bytes: 9_000 });
    expect(Buffer.from(first?.head ?? '', 'base64').toString()).toBe('x'.repeat(512));
    expect(second?.reason).toHaveLength(500);
    expect(await letters.list(1)).toEqual([second]);
  });

  it('keep a few of a flood and count all of it', async () => {
    const { letters, counted, kept } = await open();
    const one = { where: 'command', subject: 'a', reason: 'b', data: new Uint8Array(1) };
    for (let i = 0; i < 5_000; i++) letters.add(one);
    expect([counted.length, kept.length]).toEqual([5_000, 100]);
    now += 2_000;
    for (let i = 0; i < 5_000; i++) letters.add(one);
    expect(kept).toHaveLength(110);
    letters.add({ ...one, where: 'log' });
    expect(kept.at(-1)?.where).toBe('log');
  });

  it('keep and count one that several readers meet once', async () => {
    const { letters, counted } = await open();
    const one = {
      where: 'log',
      subject: 'tasks-0 #4',
      reason: 'b',
      data: new Uint8Array(0),
      id: 'tasks-0-4',
    };
    letters.add(one);
    letters.add(one);
    expect(counted).toEqual(['log']);
  });

  it('can be listed though somebody else wrote among them', async () => {
    const { letters } = await open();
    await world.open().appendUnfenced(streams.deadLetters, 'x', Buffer.from('garbage'));
    expect((await letters.list(1))[0]).toMatchObject({ where: 'dead-letters', bytes: 7 });
  });
});
