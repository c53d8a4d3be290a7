import type { Envelope } from '@yardmaster/contracts';
import type { CommittedFeed, CommittedLog } from '@yardmaster/service-kit';
import { CellScript, LogScript } from '@yardmaster/testkit';
import { describe, expect, it } from 'vitest';
import { BrokenSequenceError } from './errors.js';
import { MergedFeed, weightOf } from './merged-feed.js';
import { NOWHERE, StreamCursor } from './stream-cursor.js';

/** A log whose streams give what a test hands them. */
class HandedLog implements CommittedLog {
  readonly arrived = 0;
  readonly #waiting = new Map<string, (given: readonly Envelope[] | Error) => void>();

  feed(stream: string): CommittedFeed {
    return {
      next: () =>
        new Promise((resolve, reject) => {
          this.#waiting.set(stream, (given) => {
            if (given instanceof Error) reject(given);
            else resolve(given);
          });
        }),
      stop: () => this.#waiting.get(stream)?.([]),
    };
  }

  async give(stream: string, given: readonly Envelope[] | Error): Promise<void> {
    this.#waiting.get(stream)?.(given);
    await new Promise((resolve) => setImmediate(resolve));
  }

  head(): Promise<number> {
    return Promise.resolve(0);
  }

  async *read(): AsyncIterable<Envelope> {
    // Nothing is read from it.
  }
}

const cursors = (...streams: string[]): Map<string, StreamCursor> =>
  new Map(streams.map((stream) => [stream, new StreamCursor(stream, NOWHERE)]));

describe('several streams as one', () => {
  it('gives what was written first, first', async () => {
    const script = new LogScript();
    for (const stream of ['a', 'b', 'a', 'b', 'b', 'a']) script.write(stream, []);
    const log = new HandedLog();
    const feed = new MergedFeed(log, cursors('a', 'b'));
    await log.give('b', script.of('b'));
    await log.give('a', script.of('a'));
    const taken: Envelope[] = [];
    while (taken.length < script.envelopes.length) {
      await feed.ready();
      taken.push(...feed.take(100));
    }
    expect(taken).toEqual(script.envelopes);
    feed.stop();
  });

  it('waits for a stream that is behind, and goes on without one that has nothing', async () => {
    const script = new LogScript();
    for (const stream of ['a', 'b', 'b', 'b']) script.write(stream, []);
    const log = new HandedLog();
    const feed = new MergedFeed(log, cursors('a', 'b'));
    await log.give('a', script.of('a'));
    await log.give('b', script.of('b'));
    await feed.ready();
    // What `a` has next may be older than what `b` has.
    expect(feed.take(100)).toEqual(script.envelopes.slice(0, 1));
    await feed.ready();
    expect(feed.take(100)).toEqual(script.envelopes.slice(1));
    feed.stop();
  });

  it('takes about as much as asked, and leaves out what was seen before', async () => {
    const script = new CellScript();
    script.life(0, { failures: [], end: 'succeeded' });
    const stream = script.of('tasks-0');
    const log = new HandedLog();
    const feed = new MergedFeed(
      log,
      new Map([['tasks-0', new StreamCursor('tasks-0', { seq: 1, hash: stream[0]!.hash })]]),
    );
    await log.give('tasks-0', stream);
    await feed.ready();
    expect(feed.weight).toBe(weightOf(stream[1]!));
    expect(feed.take(1)).toEqual([stream[1]]);
    feed.stop();
  });

  it('refuses a gap and a broken chain', async () => {
    const script = new LogScript();
    for (let i = 0; i < 3; i++) script.write('a', []);
    const [first, , third] = script.envelopes;
    for (const given of [[third!], [first!, { ...third!, seq: 2 }]]) {
      const log = new HandedLog();
      const feed = new MergedFeed(log, cursors('a'));
      await log.give('a', given);
      await expect(feed.ready()).rejects.toThrow(BrokenSequenceError);
      feed.stop();
    }
  });

  it('fails when one of the streams does, and ends quietly when it is stopped', async () => {
    const log = new HandedLog();
    const feed = new MergedFeed(log, cursors('a', 'b'));
    const failed = expect(feed.ready()).rejects.toThrow('no more');
    await log.give('b', new Error('no more'));
    await failed;
    feed.stop();
    const other = new MergedFeed(new HandedLog(), cursors('a'));
    const ended = other.ready();
    other.stop();
    await ended;
    expect(other.take(1)).toEqual([]);
  });
});
