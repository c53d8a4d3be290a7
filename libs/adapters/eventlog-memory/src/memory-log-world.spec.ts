import type { AppendOutcome, EventLog } from '@yardmaster/ports';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryLogWorld, type MemoryEventLog } from './index.js';

const bytes = (content: string): Uint8Array => Buffer.from(content);

describe('a world of in-memory logs', () => {
  let world: MemoryLogWorld;
  let log: MemoryEventLog;
  beforeEach(async () => {
    world = new MemoryLogWorld();
    log = world.open();
    await log.ensure(['a', 'b'].map((name) => ({ name, subject: name, maxBytes: null })));
  });

  const ids = (stream: string): string[] => world.stored(stream).map((message) => message.msgId);
  const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
    let settled = false;
    void promise.then(() => {
      settled = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    return settled;
  };

  it('acknowledges later, never while append is still running', async () => {
    const append = log.writer('a', 0).append('1', bytes('x'));
    expect(ids('a')).toEqual([]);
    expect(await append).toEqual({ kind: 'stored', seq: 1 });
  });

  it('acts when its scheduler says so', async () => {
    const acts: (() => void)[] = [];
    const slow = new MemoryLogWorld({ schedule: (act) => acts.push(act) });
    const process = slow.open();
    await process.ensure([{ name: 'a', subject: 'a', maxBytes: null }]);
    const append = process.writer('a', 0).append('1', bytes('x'));
    expect(await isSettled(append)).toBe(false);
    for (const act of acts.splice(0)) act();
    expect(await append).toEqual({ kind: 'stored', seq: 1 });
  });

  it('stops between any two publishes, on the stream that a test chooses', async () => {
    world.hold();
    const a = log.writer('a', 0);
    const b = log.writer('b', 0);
    const a1 = a.append('a1', bytes('x'));
    const a2 = a.append('a2', bytes('x'));
    const b1 = b.append('b1', bytes('x'));
    expect(world.inFlight().map((message) => message.msgId)).toEqual(['a1', 'a2', 'b1']);
    expect(world.step('b')?.msgId).toBe('b1');
    expect(await b1).toEqual({ kind: 'stored', seq: 1 });
    expect(world.step()?.msgId).toBe('a1');
    expect(await a1).toEqual({ kind: 'stored', seq: 1 });
    expect(await isSettled(a2)).toBe(false);
    world.release();
    expect(await a2).toEqual({ kind: 'stored', seq: 2 });
    expect(world.step()).toBeNull();
  });

  it('loses a suffix of one stream in a crash while another keeps what was written later', async () => {
    world.hold();
    const a = log.writer('a', 0);
    const b = log.writer('b', 0);
    for (const id of ['a1', 'a2', 'a3']) void a.append(id, bytes(id));
    void b.append('b1', bytes('b1'));
    const next = world.crash({ keep: (message) => message.msgId !== 'a2' });
    expect(ids('a')).toEqual(['a1']);
    expect(ids('b')).toEqual(['b1']);
    expect(await next.head('a')).toEqual({ first: 1, last: 1 });
    expect(await next.writer('a', 1).append('a2-again', bytes('x'))).toEqual({ kind: 'stored', seq: 2 });
  });

  it('is silent to what crashed: nothing resolves, nothing calls back', async () => {
    const seen: number[] = [];
    await log.follow(
      'a',
      1,
      (message) => seen.push(message.seq),
      () => seen.push(-1),
    );
    const writer = log.writer('a', 0);
    await writer.append('a1', bytes('x'));
    await world.settled();
    world.hold();
    const held = writer.append('a2', bytes('x'));
    const next = world.crash({ keep: () => true });
    await next.writer('a', 2).append('a3', bytes('x'));
    const silent: Promise<unknown>[] = [held, writer.append('a4', bytes('x')), log.head('a'), log.ensure([])];
    for (const promise of silent) expect(await isSettled(promise)).toBe(false);
    expect(seen).toEqual([1]);
    expect(ids('a')).toEqual(['a1', 'a2', 'a3']);
  });

  it('crashes one process and leaves the others alone', async () => {
    const other = world.open();
    world.hold();
    void log.writer('a', 0).append('a1', bytes('x'));
    const b1 = other.writer('b', 0).append('b1', bytes('x'));
    world.crash({ keep: () => false, only: log });
    world.release();
    expect(await b1).toEqual({ kind: 'stored', seq: 1 });
    expect(ids('a')).toEqual([]);
  });

  it('holds answers while what was published is stored and followed', async () => {
    const seen: string[] = [];
    await log.follow(
      'a',
      1,
      (message) => seen.push(message.msgId),
      () => undefined,
    );
    world.hold('answers');
    const a1 = log.writer('a', 0).append('a1', bytes('x'));
    await world.settled();
    expect(await isSettled(a1)).toBe(false);
    expect(seen).toEqual(['a1']);
    world.release();
    expect(await a1).toEqual({ kind: 'stored', seq: 1 });
  });

  it('ends a writer with its first append that is not stored', async () => {
    const append = (on: EventLog, ...names: string[]): Promise<AppendOutcome[]> => {
      const writer = on.writer('a', world.stored('a').length);
      return Promise.all(names.map((name) => writer.append(name, bytes(name))));
    };
    world.onPublish = ({ msgId }) => (msgId === 'n2' ? 'unresolved-dropped' : undefined);
    expect((await append(log, 'n1', 'n2', 'n3')).map(({ kind }) => kind)).toEqual([
      'stored',
      'unresolved',
      'unresolved',
    ]);
    expect(ids('a')).toEqual(['n1']);
    world.onPublish = ({ msgId }) => (msgId === 'm1' ? 'unresolved-stored' : undefined);
    expect((await append(log, 'm1')).map(({ kind }) => kind)).toEqual(['unresolved']);
    expect(ids('a')).toEqual(['n1', 'm1']);
    world.onPublish = ({ msgId }) => (msgId === 'r1' ? 'refuse' : undefined);
    expect(await append(log, 'r1', 'r2')).toEqual([
      { kind: 'refused', head: 2 },
      { kind: 'refused', head: 2 },
    ]);
    expect(ids('a')).toEqual(['n1', 'm1']);
  });

  it('leaves an append unresolved when the stream is full', async () => {
    await log.ensure([{ name: 'small', subject: 'small', maxBytes: 5 }]);
    const writer = log.writer('small', 0);
    expect((await writer.append('1', bytes('four'))).kind).toBe('stored');
    expect(await writer.append('2', bytes('four'))).toEqual({
      kind: 'unresolved',
      reason: 'the stream is full',
    });
  });

  it('shows damage and a purged front as gaps', async () => {
    const writer = log.writer('a', 0);
    for (let at = 1; at <= 5; at++) await writer.append(`a${String(at)}`, bytes('x'));
    const failures: Error[] = [];
    world.damage('a', 4);
    await log.follow(
      'a',
      3,
      () => undefined,
      (error) => failures.push(error),
    );
    await world.settled();
    expect(failures).toMatchObject([{ code: 'log-gap', expected: 4, found: 5 }]);
    world.trim('a', 2);
    expect(await log.head('a')).toEqual({ first: 3, last: 5 });
    await expect(
      log.follow(
        'a',
        2,
        () => undefined,
        () => undefined,
      ),
    ).rejects.toMatchObject({ expected: 2, found: 3 });
  });
});
