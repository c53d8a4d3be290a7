import { setTimeout as sleep } from 'node:timers/promises';
import { FaultProxy, NatsBroker, SYSTEM_USER } from '@yardmaster/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectNats, openNatsEventLog, type NatsEventLog, type NatsEventLogOptions } from './index.js';
import { JetStreamApi } from './jetstream-api.js';

const bytes = (content: string): Uint8Array => Buffer.from(content);

describe('the event log over NATS', () => {
  let broker: NatsBroker;
  let proxy: FaultProxy;
  let count = 0;
  let stream = '';
  const opened: NatsEventLog[] = [];

  const open = async (options: Partial<NatsEventLogOptions> = {}): Promise<NatsEventLog> => {
    const log = await openNatsEventLog({
      url: broker.url,
      name: 'test',
      replicas: 1,
      syncAlways: true,
      ...options,
    });
    opened.push(log);
    return log;
  };
  const throughProxy = async (options: Partial<NatsEventLogOptions> = {}): Promise<NatsEventLog> => {
    const log = await open({ url: `nats://127.0.0.1:${String(proxy.port)}`, ...options });
    await log.ensure([{ name: stream, subject: `faults.${stream}`, maxBytes: 4_000_000 }]);
    return log;
  };

  beforeAll(async () => {
    [broker] = (await NatsBroker.start()) as [NatsBroker];
    proxy = await FaultProxy.start(broker.port);
  });
  afterAll(async () => {
    await proxy.close();
    await broker.remove();
  });
  beforeEach(() => {
    stream = `f${String(++count)}`;
  });
  afterEach(async () => {
    proxy.heal();
    for (const log of opened.splice(0)) await log.close();
  });

  it('asks again on the same connection when answers are swallowed, and finds its own messages', async () => {
    const log = await throughProxy({ answerTimeoutMs: 200 });
    const observer = await open();
    const writer = log.writer(stream, 0);
    proxy.loseAnswers();
    const lost = ['1', '2', '3'].map((id) => writer.append(id, bytes(id)));
    while ((await observer.head(stream)).last < 3) await sleep(2);
    proxy.heal();
    lost.push(writer.append('4', bytes('4')));
    expect(await Promise.all(lost)).toEqual([1, 2, 3, 4].map((seq) => ({ kind: 'stored', seq })));
    expect(await observer.head(stream)).toEqual({ first: 1, last: 4 });
  });

  it('leaves appends unresolved when the deadline passes without an answer', async () => {
    const log = await throughProxy({ answerTimeoutMs: 100, deadlineMs: 500 });
    const writer = log.writer(stream, 0);
    proxy.loseAnswers();
    const outcomes = await Promise.all(['1', '2'].map((id) => writer.append(id, bytes(id))));
    expect(outcomes).toEqual([
      { kind: 'unresolved', reason: 'no answer' },
      { kind: 'unresolved', reason: 'no answer' },
    ]);
    expect(await writer.append('3', bytes('3'))).toEqual(outcomes[0]);
  });

  it('finds a half-open link before an append gives up, for writers and followers', async () => {
    const log = await throughProxy();
    const writer = log.writer(stream, 0);
    const seen: number[] = [];
    const failures: Error[] = [];
    await log.follow(
      stream,
      1,
      ({ seq }) => seen.push(seq),
      (error) => failures.push(error),
    );
    await writer.append('1', bytes('1'));
    proxy.blackHole();
    const append = writer.append('2', bytes('2'));
    await sleep(200);
    // What was open stays silent for ever; what is opened anew works.
    proxy.strand();
    const since = performance.now();
    expect(await append).toEqual({ kind: 'stored', seq: 2 });
    while (seen.length < 2) await sleep(10);
    expect(performance.now() - since).toBeLessThan(9_000);
    expect(seen).toEqual([1, 2]);
    expect(failures).toEqual([]);
  }, 30_000);

  it('says that the stream is full when it is', async () => {
    const log = await open({ deadlineMs: 400 });
    await log.ensure([{ name: stream, subject: `faults.${stream}`, maxBytes: 3_000 }]);
    const writer = log.writer(stream, 0);
    const outcomes = await Promise.all(
      ['1', '2', '3', '4'].map((id) => writer.append(id, new Uint8Array(1_000))),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'stored', 'unresolved', 'unresolved']);
    expect(outcomes[2]).toMatchObject({ reason: 'maximum bytes exceeded' });
  });

  it('rejects an envelope over the limit of the broker and goes on with the next', async () => {
    const log = await throughProxy();
    const writer = log.writer(stream, 0);
    await expect(writer.append('huge', new Uint8Array(1_048_576))).rejects.toThrow(RangeError);
    expect(await writer.append('1', new Uint8Array(1_000_000))).toEqual({ kind: 'stored', seq: 1 });
  });

  it('stops at a message that the stream lost', async () => {
    const log = await open();
    const nc = await connectNats({ url: broker.url, name: 'damage' });
    const subject = `faults.${stream}`;
    await new JetStreamApi(nc, 5_000).createStream({ name: stream, subjects: [subject] });
    for (let at = 1; at <= 12; at++) await nc.request(subject, String(at));
    await nc.request(`$JS.API.STREAM.MSG.DELETE.${stream}`, JSON.stringify({ seq: 7 }));
    await nc.close();
    const seen: number[] = [];
    const read = async (): Promise<void> => {
      for await (const { seq } of log.read(stream, 1, 12)) seen.push(seq);
    };
    await expect(read()).rejects.toMatchObject({ code: 'log-gap', stream, expected: 7, found: 8 });
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    const failure = new Promise<Error>((resolve) => void log.follow(stream, 5, () => undefined, resolve));
    expect(await failure).toMatchObject({ code: 'log-gap', expected: 7, found: 8 });
  });

  it('refuses a stream that could lose or drop messages', async () => {
    const log = await open();
    const nc = await connectNats({ url: broker.url, name: 'shape' });
    await new JetStreamApi(nc, 5_000).createStream({
      name: stream,
      subjects: ['other'],
      max_age: 1e9,
      allow_direct: true,
    });
    await nc.close();
    const ensured = log.ensure([{ name: stream, subject: `faults.${stream}`, maxBytes: null }]);
    await expect(ensured).rejects.toMatchObject({ code: 'log-stream-shape' });
    await expect(ensured).rejects.toThrow(/subject is other.*discard.*max age.*deny_delete.*allow_direct/);
  });

  it('shares its store among streams without a size', async () => {
    const log = await open({ storeBytes: 1_000_000_000 });
    const specs = ['x', 'y'].map((end) => ({ name: stream + end, subject: stream + end, maxBytes: null }));
    await log.ensure(specs);
    const nc = await connectNats({ url: broker.url, name: 'share' });
    const { config } = await new JetStreamApi(nc, 5_000).streamInfo(`${stream}x`);
    await nc.close();
    expect(config.max_bytes).toBeGreaterThan(300_000_000);
    expect(config.max_bytes).toBeLessThan(500_000_000);
  });

  it('asks the system account whether each write is synced', async () => {
    const log = await open({ syncAlways: undefined, system: SYSTEM_USER });
    expect(log.durability).toMatchObject({ sync: 'always', replicas: 1 });
    expect(log.durability.server).toMatch(/^nats-server 2\./);
  });

  it('refuses a broker that may lose what it acknowledged, unless told to go on', async () => {
    await expect(open({ syncAlways: undefined })).rejects.toMatchObject({ code: 'log-not-durable' });
    await expect(open({ syncAlways: false })).rejects.toThrow('does not sync each write');
    const log = await open({ syncAlways: false, allowUnverified: true });
    expect(log.durability.sync).toBe('unverified');
  });
});
