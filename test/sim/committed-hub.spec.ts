import { CHAIN_START, encodeEnvelope, eventSubject, type Envelope } from '@yardmaster/contracts';
import { MemoryLogWorld } from '@yardmaster/eventlog-memory';
import { BrokenChainError, CommittedHub } from '@yardmaster/service-kit';
import { describe, expect, it } from 'vitest';
import { hashOf } from '@yardmaster/contracts';

const keystore = { keyOf: (): Uint8Array => new Uint8Array(32) };

/** A stream with a chain, and a hub that follows it. */
async function streamOf(name = 's'): Promise<{
  world: MemoryLogWorld;
  hub: CommittedHub;
  failures: Error[];
  append: (n: number, options?: { prev?: string }) => Promise<Envelope[]>;
}> {
  const world = new MemoryLogWorld();
  const log = world.open();
  await log.ensure([{ name, subject: eventSubject(name), maxBytes: null }]);
  const writer = log.writer(name, 0);
  const failures: Error[] = [];
  const hub = new CommittedHub(log, keystore, (_, error) => {
    failures.push(error);
  });
  let prev = CHAIN_START;
  let commits = 0;
  return {
    world,
    hub,
    failures,
    append: async (n, options = {}) => {
      const written: Envelope[] = [];
      for (let i = 0; i < n; i++) {
        const draft = {
          stream: name,
          node: 'n',
          epoch: 1,
          commit: String(++commits),
          at: 1,
          seed: 1,
          config: '',
          causes: [],
          group: null,
          prev: options.prev ?? prev,
          events: [{ type: 'KeyRevoked' as const, keyId: String(commits) }],
        };
        const bytes = encodeEnvelope(draft, keystore.keyOf);
        prev = hashOf(bytes);
        const outcome = await writer.append(`m${String(commits)}`, bytes);
        if (outcome.kind === 'stored') written.push({ ...draft, seq: outcome.seq, hash: prev });
      }
      return written;
    },
  };
}

async function take(
  feed: { next(max: number): Promise<readonly Envelope[]> },
  n: number,
  max = 1_000,
): Promise<number[]> {
  const seqs: number[] = [];
  while (seqs.length < n) for (const { seq } of await feed.next(max)) seqs.push(seq);
  return seqs;
}
const upTo = (n: number, from = 1): number[] => Array.from({ length: n - from + 1 }, (_, i) => from + i);

describe('a feed of committed envelopes', () => {
  it('of a stream that lives elsewhere begins where asked and goes on as it grows', async () => {
    const { hub, append } = await streamOf();
    await append(5);
    const feed = hub.feed('s', 2);
    expect(await take(feed, 3)).toEqual([3, 4, 5]);
    const more = take(feed, 2);
    await append(2);
    expect(await more).toEqual([6, 7]);
    expect(await hub.head('s')).toBe(7);
  });

  it('of an own stream passes on what is committed, and reads the rest from the log', async () => {
    const { hub, append } = await streamOf();
    await append(3);
    hub.own('s', 3);
    const feed = hub.feed('s', 0);
    for (const envelope of await append(4)) hub.publish(envelope);
    expect(await take(feed, 7, 2)).toEqual(upTo(7));
  });

  it('serves readers at different places at once, each without gap or repeat', async () => {
    const { hub, append } = await streamOf();
    const [early, late] = [hub.feed('s', 0), hub.feed('s', 4)];
    await append(8);
    const [all, tail] = await Promise.all([take(early, 8, 3), take(late, 4, 3)]);
    expect([all, tail]).toEqual([upTo(8), upTo(8, 5)]);
  });

  it('that is stopped gives up waiting', async () => {
    const { hub } = await streamOf();
    const feed = hub.feed('s', 0);
    const waiting = feed.next(10);
    feed.stop();
    expect(await waiting).toEqual([]);
  });

  it('never goes past a broken chain', async () => {
    const { hub, append } = await streamOf();
    await append(2);
    await append(1, { prev: 'f'.repeat(64) });
    const seen: number[] = [];
    await expect(
      (async () => {
        for await (const { seq } of hub.read('s', 1, 3)) seen.push(seq);
      })(),
    ).rejects.toThrow(BrokenChainError);
    expect(seen).toEqual([1, 2]);
  });

  it('reports a broken chain of what it follows', async () => {
    const { hub, append, failures } = await streamOf();
    await append(1);
    const feed = hub.feed('s', 0);
    expect(await take(feed, 1)).toEqual([1]);
    await append(1);
    await append(1, { prev: 'f'.repeat(64) });
    await new Promise((resolve) => setImmediate(resolve));
    await expect(feed.next(10)).rejects.toThrow(BrokenChainError);
    expect(failures.map(({ name }) => name)).toEqual(['BrokenChainError']);
    feed.stop();
  });
});
