import { connect, type NatsConnection } from '@nats-io/transport-node';
import { NatsBroker } from '@yardmaster/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NatsBus } from './nats-bus.js';

const SUBJECT = 'yard.cmd.v1.limits';

describe('the bus over a real broker', () => {
  let broker: NatsBroker;
  let connections: NatsConnection[] = [];
  let here: NatsBus;
  let elsewhere: NatsBus;
  let refused: string[] = [];

  beforeAll(async () => {
    [broker] = (await NatsBroker.start()) as [NatsBroker];
  });
  afterAll(async () => {
    await broker.remove();
  });
  beforeEach(async () => {
    refused = [];
    connections = await Promise.all([connect({ servers: broker.url }), connect({ servers: broker.url })]);
    const counters = { refused: (subject: string) => refused.push(subject) };
    [here, elsewhere] = connections.map((nc) => new NatsBus(nc, counters)) as [NatsBus, NatsBus];
  });
  afterEach(async () => {
    for (const bus of [here, elsewhere]) bus.close();
    for (const nc of connections) await nc.close();
  });
  /** What was said before has reached the broker, and what it sent has arrived. */
  const settled = async (): Promise<void> => {
    for (const nc of connections) await nc.flush();
  };

  it('takes a command to the process that serves it, and its answer back', async () => {
    elsewhere.serve(SUBJECT, (body) => ({ ok: true, value: { from: 'elsewhere', body } }));
    await settled();
    const reply = await here.request(SUBJECT, { n: [1, null] });
    expect(reply).toEqual({ ok: true, value: { from: 'elsewhere', body: { n: [1, null] } } });
  });

  it('does not send round by the broker what this process serves itself', async () => {
    here.serve(SUBJECT, (body) => Promise.resolve({ ok: true, value: { from: 'here', body } }));
    await settled();
    const sent = connections[0]!.stats().outMsgs;
    expect(await here.request(SUBJECT, { n: 1 })).toEqual({
      ok: true,
      value: { from: 'here', body: { n: 1 } },
    });
    expect(connections[0]!.stats().outMsgs).toBe(sent);
    expect(await elsewhere.request(SUBJECT, 2)).toEqual({ ok: true, value: { from: 'here', body: 2 } });
  });

  it('asks whoever serves it next, once this process has stopped', async () => {
    const serving = here.serve(SUBJECT, () => ({ ok: true, value: 'here' }));
    expect(await here.request(SUBJECT, null)).toEqual({ ok: true, value: 'here' });
    serving.stop();
    elsewhere.serve(SUBJECT, () => ({ ok: true, value: 'elsewhere' }));
    await settled();
    expect(await here.request(SUBJECT, null)).toEqual({ ok: true, value: 'elsewhere' });
  });

  it('tells that an outcome is unknown when the owner in this process never answers', async () => {
    here.serve(SUBJECT, () => new Promise(() => undefined));
    const reply = await here.request(SUBJECT, null, { timeoutMs: 50 });
    expect(reply).toMatchObject({ ok: false, rejection: { code: 'outcome-unknown' } });
  });

  it('refuses and counts what cannot be read or carried out, here and from afar', async () => {
    here.serve(SUBJECT, () => {
      throw new Error('a bug');
    });
    await settled();
    for (const bus of [here, elsewhere])
      expect(await bus.request(SUBJECT, null)).toMatchObject({
        ok: false,
        rejection: { code: 'invalid-request' },
      });
    expect(await here.requestBytes(SUBJECT, Uint8Array.of(0xc1))).toMatchObject({ ok: false });
    expect(refused).toEqual([SUBJECT, SUBJECT, SUBJECT]);
  });

  it('brings statements to their one listener in order, and what is for all to everyone', async () => {
    const heard: unknown[] = [];
    const told = Promise.withResolvers<undefined>();
    const toAll: string[] = [];
    here.subscribe('yard.cmd.v1.worker.g1', (body) => heard.push(body));
    const all = Promise.withResolvers<undefined>();
    for (const [name, bus] of [
      ['here', here],
      ['elsewhere', elsewhere],
    ] as const)
      bus.subscribe('yard.tel.v1.key-revoked', () => {
        if (toAll.push(name) === 2) all.resolve(undefined);
      });
    await settled();
    for (let i = 0; i < 10; i++) here.publish('yard.cmd.v1.worker.g1', i);
    queueMicrotask(() => {
      told.resolve(undefined);
    });
    await told.promise;
    expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    here.publish('yard.tel.v1.key-revoked', 'k');
    await all.promise;
    expect(toAll.sort()).toEqual(['elsewhere', 'here']);
  });
});
