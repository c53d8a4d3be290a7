import { setImmediate as immediately, setTimeout as sleep } from 'node:timers/promises';
import {
  LogGapError,
  type AppendOutcome,
  type EventLog,
  type LogWriter,
  type StoredMessage,
} from '@yardmaster/ports';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

/** One log and what can happen to it. */
export interface EventLogWorld {
  /** The log as one more process sees it. */
  open(): Promise<EventLog>;
  /** The log over a link that no fault touches. */
  observe(): Promise<EventLog>;
  /** While `during` runs, publishes arrive and their answers do not. */
  loseAnswers(during: () => Promise<void>): Promise<void>;
  /** While `during` runs nothing of the log works; what it acknowledged is there afterwards. */
  outage(during: () => Promise<void>): Promise<void>;
  /** Cuts the connections of all that `open` gave. */
  disconnect(): Promise<void>;
  close(): Promise<void>;
}

export interface EventLogContractOptions {
  /** How long an outage may keep an append waiting. */
  readonly recoveryMs?: number;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const bytes = (content: string): Uint8Array => Buffer.from(content);

/** What every event log promises. `start` is called once; each test writes to a stream of its own. */
export function describeEventLog(
  name: string,
  start: () => Promise<EventLogWorld>,
  options: EventLogContractOptions = {},
): void {
  const recoveryMs = options.recoveryMs ?? 1_000;

  describe(`${name} as an event log`, () => {
    let world: EventLogWorld;
    let log: EventLog;
    let observer: EventLog;
    let stream = '';
    let count = 0;
    const opened: EventLog[] = [];

    const open = async (): Promise<EventLog> => {
      const another = await world.open();
      opened.push(another);
      await another.ensure([{ name: stream, subject: `contract.${stream}`, maxBytes: 8 * 1024 * 1024 }]);
      return another;
    };

    beforeAll(async () => {
      world = await start();
      observer = await world.observe();
    });
    afterAll(async () => {
      await observer.close();
      await world.close();
    });
    beforeEach(async () => {
      stream = `s${String(++count)}`;
      log = await open();
    });
    afterEach(async () => {
      for (const each of opened.splice(0)) await each.close();
    });

    it('stores what is appended, in order, under the sequences it predicted', async () => {
      const writer = log.writer(stream, 0);
      expect(writer.next).toBe(1);
      const outcomes = await appendAll(writer, ['a', 'b', 'c', 'd', 'e']);
      expect(writer.next).toBe(6);
      expect(outcomes).toEqual([1, 2, 3, 4, 5].map((seq) => ({ kind: 'stored', seq })));
      expect(await contents(log, stream)).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(await log.head(stream)).toEqual({ first: 1, last: 5 });
    });

    it('says an empty stream ends at 0', async () => {
      expect(await log.head(stream)).toEqual({ first: 1, last: 0 });
    });

    it('keeps what exists when it is ensured again', async () => {
      await appendAll(log.writer(stream, 0), ['a']);
      await log.ensure([{ name: stream, subject: `contract.${stream}`, maxBytes: 8 * 1024 * 1024 }]);
      expect(await contents(log, stream)).toEqual(['a']);
    });

    it('gives message ids and bytes back as they were', async () => {
      const data = Uint8Array.from({ length: 100_000 }, (_, at) => (at * 31) % 256);
      await log.writer(stream, 0).append('id-of:the/first one', data);
      const [message] = await collect(log.read(stream, 1, 1));
      expect(message).toMatchObject({ stream, seq: 1, msgId: 'id-of:the/first one' });
      expect(Buffer.from(message?.data ?? []).equals(data)).toBe(true);
    });

    it('takes many appends in flight at once', async () => {
      const writer = log.writer(stream, 0);
      const all = Array.from({ length: 300 }, (_, at) => `m${String(at)}`);
      const outcomes = await appendAll(writer, all);
      expect(outcomes.every((outcome, at) => outcome.kind === 'stored' && outcome.seq === at + 1)).toBe(true);
      expect(await contents(log, stream)).toEqual(all);
    });

    it('resolves appends in order', async () => {
      const writer = log.writer(stream, 0);
      const order: number[] = [];
      const appends = [1, 2, 3, 4, 5, 6, 7, 8].map((at) => {
        const append = writer.append(`m${String(at)}`, bytes('x'));
        return append.then(() => order.push(at));
      });
      await Promise.all(appends);
      expect(order).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    });

    it('refuses the second of two writers at the same place, and the first once it is overtaken', async () => {
      const other = await open();
      const first = log.writer(stream, 0);
      const second = other.writer(stream, 0);
      expect((await first.append('first-1', bytes('1'))).kind).toBe('stored');
      expect(await second.append('second-1', bytes('x'))).toEqual({ kind: 'refused', head: 1 });
      const successor = other.writer(stream, 1);
      expect(await successor.append('second-2', bytes('2'))).toEqual({ kind: 'stored', seq: 2 });
      const late = [first.append('first-2', bytes('y')), first.append('first-3', bytes('z'))];
      expect((await Promise.all(late)).map((outcome) => outcome.kind)).toEqual(['refused', 'refused']);
      expect((await first.append('first-4', bytes('z'))).kind).toBe('refused');
      expect(await contents(log, stream)).toEqual(['1', '2']);
    });

    it('stores nothing of a deposed writer after its successor, whatever it had in flight', async () => {
      const other = await open();
      const deposed = log.writer(stream, 0);
      let written = 0;
      let isDeposed = false;
      const lane = async (): Promise<void> => {
        while (!isDeposed && written < 5_000) {
          const outcome = await deposed.append(`old-${String(++written)}`, bytes('old'));
          isDeposed = outcome.kind !== 'stored';
          await immediately();
        }
      };
      const lanes = [lane(), lane(), lane(), lane()];
      let marker: AppendOutcome = { kind: 'refused', head: 0 };
      for (let attempt = 0; marker.kind !== 'stored'; attempt++) {
        const { last } = await other.head(stream);
        // The successor races against four appends in flight: it aims a little ahead of what it saw.
        const aimed = other.writer(stream, last + (attempt % 4));
        marker = await aimed.append(`marker-${String(attempt)}`, bytes('marker'));
      }
      await Promise.all(lanes);
      const stored = await contents(log, stream);
      expect(stored.lastIndexOf('old')).toBeLessThan(stored.indexOf('marker'));
      expect(stored.slice(marker.seq - 1)).toEqual(['marker']);
    });

    it('refuses a writer that is ahead of the stream', async () => {
      const outcome = await log.writer(stream, 7).append('lost', bytes('x'));
      expect(outcome).toEqual({ kind: 'refused', head: 0 });
    });

    it('reads any range, and says which sequence is missing past the end', async () => {
      await appendAll(log.writer(stream, 0), letters(20));
      expect((await collect(log.read(stream, 3, 17))).map((message) => message.seq)).toEqual(range(3, 17));
      expect((await collect(log.read(stream, 5, 6))).map((message) => text(message.data))).toEqual([
        'm5',
        'm6',
      ]);
      expect(await collect(log.read(stream, 5, 4))).toEqual([]);
      await expect(collect(log.read(stream, 15, 30))).rejects.toMatchObject({
        code: 'log-gap',
        expected: 21,
      });
      await expect(collect(log.read(stream, 20, 21))).rejects.toMatchObject({
        code: 'log-gap',
        expected: 21,
      });
    });

    it('stops reading in the middle when the reader has enough', async () => {
      await appendAll(log.writer(stream, 0), letters(20));
      for await (const message of log.read(stream, 1, 20)) if (message.seq === 4) break;
      expect((await collect(log.read(stream, 1, 20))).length).toBe(20);
    });

    it('follows from any position, through what is there and what comes', async () => {
      const writer = log.writer(stream, 0);
      await appendAll(writer, letters(10));
      const fromStart = await following(log, 1);
      const fromMiddle = await following(log, 6);
      const fromEnd = await following(log, 11);
      await appendAll(writer, ['m11', 'm12', 'm13']);
      await until(
        () => fromStart.seqs.length === 13 && fromMiddle.seqs.length === 8 && fromEnd.seqs.length === 3,
      );
      expect(fromStart.seqs).toEqual(range(1, 13));
      expect(fromMiddle.seqs).toEqual(range(6, 13));
      expect(fromEnd.seqs).toEqual(range(11, 13));
      expect(fromStart.messages.map((message) => message.msgId)).toEqual(letters(13));
      for (const follower of [fromStart, fromMiddle, fromEnd]) expect(follower.failures).toEqual([]);
    });

    it('follows without gaps while another process writes', async () => {
      const other = await open();
      const follower = await following(other, 1);
      const writer = log.writer(stream, 0);
      for (let burst = 0; burst < 10; burst++) {
        await appendAll(
          writer,
          letters(50).map((letter) => `${String(burst)}-${letter}`),
        );
      }
      await until(() => follower.seqs.length === 500);
      expect(follower.seqs).toEqual(range(1, 500));
      expect(follower.failures).toEqual([]);
    });

    it('says nothing more to a follower that stopped', async () => {
      const writer = log.writer(stream, 0);
      const follower = await following(log, 1);
      await appendAll(writer, ['a']);
      await until(() => follower.seqs.length === 1);
      follower.stop();
      await appendAll(writer, ['b']);
      const other = await following(log, 1);
      await until(() => other.seqs.length === 2);
      expect(follower.seqs).toEqual([1]);
    });

    it('goes on with a follower whose connection was cut, from its own position', async () => {
      const writer = log.writer(stream, 0);
      const follower = await following(log, 1);
      await appendAll(writer, letters(5));
      await until(() => follower.seqs.length === 5);
      await world.disconnect();
      const outcomes = await appendAll(writer, ['m6', 'm7', 'm8']);
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(['stored', 'stored', 'stored']);
      await until(() => follower.seqs.length === 8, recoveryMs);
      expect(follower.seqs).toEqual(range(1, 8));
      expect(follower.failures).toEqual([]);
    });

    it('refuses to follow from past the end: what was seen is not there any more', async () => {
      await appendAll(log.writer(stream, 0), ['a']);
      await expect(following(log, 3)).rejects.toBeInstanceOf(LogGapError);
    });

    it('ends a follower whose callback throws, and tells it', async () => {
      await appendAll(log.writer(stream, 0), ['a', 'b']);
      const failures: Error[] = [];
      const fail = (): void => {
        throw new Error('cannot apply');
      };
      await log.follow(stream, 1, fail, (error) => failures.push(error));
      await until(() => failures.length > 0);
      expect(failures.map((error) => error.message)).toEqual(['cannot apply']);
    });

    it('appends without a fence, and the same id once', async () => {
      await Promise.all([
        log.appendUnfenced(stream, 'dead-1', bytes('1')),
        log.appendUnfenced(stream, 'dead-2', bytes('2')),
      ]);
      await log.appendUnfenced(stream, 'dead-1', bytes('1'));
      expect((await contents(log, stream)).sort()).toEqual(['1', '2']);
    });

    it('finds its own message again when the answer was lost', async () => {
      const writer = log.writer(stream, 0);
      await appendAll(writer, ['m1']);
      let lost: Promise<AppendOutcome[]> = Promise.resolve([]);
      await world.loseAnswers(async () => {
        lost = appendAll(writer, ['m2', 'm3', 'm4']);
        // A log may hold back later ones until the first is answered.
        await untilHead(observer, stream, 2);
      });
      expect(await lost).toEqual([2, 3, 4].map((seq) => ({ kind: 'stored', seq })));
      expect(await appendAll(writer, ['m5'])).toEqual([{ kind: 'stored', seq: 5 }]);
      expect(await contents(log, stream)).toEqual(letters(5));
    });

    it('is refused, not confused, when another wrote while its answers were lost', async () => {
      const writer = log.writer(stream, 0);
      const rival = observer.writer.bind(observer);
      await observer.ensure([{ name: stream, subject: `contract.${stream}`, maxBytes: null }]);
      let lost: Promise<AppendOutcome[]> = Promise.resolve([]);
      await world.loseAnswers(async () => {
        lost = appendAll(writer, ['m1']);
        await untilHead(observer, stream, 1);
        await appendAll(rival(stream, 1), ['rival']);
      });
      expect((await lost).map((outcome) => outcome.kind)).toEqual(['stored']);
      expect((await appendAll(writer, ['m2', 'm3'])).map((outcome) => outcome.kind)).toEqual([
        'refused',
        'refused',
      ]);
      expect(await contents(log, stream)).toEqual(['m1', 'rival']);
    });

    it('loses and doubles nothing over an outage between and under publishes', async () => {
      const writer = log.writer(stream, 0);
      const follower = await following(log, 1);
      const outcomes: Promise<AppendOutcome>[] = [];
      const append = (): void => {
        const at = outcomes.length + 1;
        outcomes.push(writer.append(`m${String(at)}`, bytes(`m${String(at)}`)));
      };
      for (let at = 0; at < 20; at++) append();
      await world.outage(async () => {
        for (let at = 0; at < 20; at++) append();
        await sleep(5);
      });
      for (let at = 0; at < 20; at++) append();
      expect(await Promise.all(outcomes)).toEqual(range(1, 60).map((seq) => ({ kind: 'stored', seq })));
      expect(await contents(log, stream)).toEqual(letters(60));
      await until(() => follower.seqs.length === 60, recoveryMs);
      expect(follower.seqs).toEqual(range(1, 60));
      expect(follower.failures).toEqual([]);
    });

    it('leaves an append unresolved when the log is closed under it', async () => {
      const writer = log.writer(stream, 0);
      await appendAll(writer, ['m1']);
      await log.close();
      expect((await writer.append('m2', bytes('m2'))).kind).toBe('unresolved');
    });

    async function following(on: EventLog, from: number): Promise<Following> {
      const messages: StoredMessage[] = [];
      const failures: Error[] = [];
      const follower = await on.follow(
        stream,
        from,
        (message) => messages.push(message),
        (error) => failures.push(error),
      );
      return {
        messages,
        failures,
        get seqs() {
          return messages.map((message) => message.seq);
        },
        stop: () => {
          follower.stop();
        },
      };
    }
  });
}

interface Following {
  readonly messages: StoredMessage[];
  readonly failures: Error[];
  readonly seqs: number[];
  stop(): void;
}

function appendAll(writer: LogWriter, contents: readonly string[]): Promise<AppendOutcome[]> {
  return Promise.all(contents.map((content) => writer.append(content, bytes(content))));
}

async function collect(messages: AsyncIterable<StoredMessage>): Promise<StoredMessage[]> {
  const all: StoredMessage[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

async function contents(log: EventLog, stream: string): Promise<string[]> {
  const { first, last } = await log.head(stream);
  return (await collect(log.read(stream, first, last))).map((message) => text(message.data));
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);
const letters = (count: number): string[] => range(1, count).map((at) => `m${String(at)}`);

async function until(isSo: () => boolean, patienceMs = 5_000): Promise<void> {
  const end = performance.now() + Math.max(patienceMs, 5_000);
  while (!isSo()) {
    if (performance.now() > end) throw new Error('what the test waits for did not happen');
    await sleep(1);
  }
}

async function untilHead(log: EventLog, stream: string, last: number): Promise<void> {
  const end = performance.now() + 10_000;
  while ((await log.head(stream)).last < last) {
    if (performance.now() > end) throw new Error(`${stream} did not reach ${String(last)}`);
    await sleep(2);
  }
}
