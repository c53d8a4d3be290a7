import { pack, unpack, type RelayUp } from '@yardmaster/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { FakeYard } from './fake-yard.js';

let yard: FakeYard;
const open: WebSocket[] = [];

beforeAll(async () => {
  yard = await FakeYard.open();
});
afterEach(() => {
  for (const socket of open.splice(0)) socket.terminate();
});
afterAll(async () => {
  await yard.close();
});

async function session(worker: string, key = yard.key('agent')): Promise<WebSocket> {
  const socket = new WebSocket(`${yard.url.replace('http', 'ws')}/v1/workers/session?worker=${worker}`, {
    headers: { authorization: `Bearer ${key}` },
    perMessageDeflate: false,
  });
  open.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return socket;
}

const closed = async (socket: WebSocket): Promise<number> =>
  await new Promise((resolve) => socket.once('close', resolve));
const next = async (socket: WebSocket): Promise<unknown> =>
  await new Promise((resolve) =>
    socket.once('message', (data: Buffer) => {
      resolve(unpack(data));
    }),
  );

async function relayed(count: number, of?: string): Promise<RelayUp[]> {
  for (let i = 0; i < 200; i++) {
    const relays = yard.bus.said
      .filter(({ subject }) => subject === 'yard.cmd.v1.lease-frames.main')
      .flatMap(({ body }) => body as RelayUp[])
      .filter(([, worker]) => of === undefined || worker === of);
    if (relays.length >= count) return relays;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('nothing was relayed');
}

describe('worker sessions', () => {
  it('pass frames up in order with the scope of the key, and frames down to their worker', async () => {
    yard.bus.said.length = 0;
    const agent = await session('agent-1');
    const sdk = await session('sdk-1', yard.key('submitter', 2));
    agent.send(pack([['hb', { n: 1, held: [], load: 0 }]]));
    agent.send(pack([['hb', { n: 2, held: [], load: 0 }]]));
    sdk.send(pack([['bye']]));
    const relays = await relayed(3);
    expect(
      relays
        .filter(([, worker]) => worker === 'agent-1')
        .map(([gateway, , scope, frame]) => [gateway, scope, unpack(frame)]),
    ).toEqual([
      ['g1', null, [['hb', { n: 1, held: [], load: 0 }]]],
      ['g1', null, [['hb', { n: 2, held: [], load: 0 }]]],
    ]);
    expect(relays.find(([, worker]) => worker === 'sdk-1')?.[2]).toBe(2);
    const told = next(sdk);
    yard.bus.publish('yard.cmd.v1.worker.g1', [
      ['unknown', pack([])],
      ['sdk-1', pack([['hb-ok', { n: 1, epoch: 1 }]])],
    ]);
    expect(await told).toEqual([['hb-ok', { n: 1, epoch: 1 }]]);
  });

  it('tell when their worker is not there any more, unless a newer one of it is', async () => {
    const of = async (count: number): Promise<unknown[]> =>
      (await relayed(count, 'w-2')).map(([, , , frame]) => unpack(frame));
    yard.bus.said.length = 0;
    const first = await session('w-2');
    const over = closed(first);
    const second = await session('w-2');
    await over;
    second.send(pack([['hb', { n: 1, held: [], load: 0 }]]));
    await of(1);
    second.terminate();
    expect(await of(2)).toEqual([[['hb', { n: 1, held: [], load: 0 }]], [['away']]]);
  });

  it('are refused without a key, with a role that cannot work, and without a name', async () => {
    await expect(session('w', 'junk')).rejects.toThrow('401');
    await expect(session('w', yard.key('viewer'))).rejects.toThrow('403');
    await expect(session('')).rejects.toThrow('400');
    await expect(session('a/b c')).rejects.toThrow('400');
  });

  it('are replaced by a newer one of the same worker, never by one of somebody else', async () => {
    const first = await session('w-1');
    const over = closed(first);
    const second = await session('w-1');
    expect(await over).toBe(4001);
    const thief = await session('w-1', yard.key('submitter', 2));
    expect(await closed(thief)).toBe(1008);
    expect(second.readyState).toBe(WebSocket.OPEN);
  });

  it('are closed after some garbage, and at once by a frame that is too large', async () => {
    const talker = await session('w-2');
    const over = closed(talker);
    for (let i = 0; i < 5; i++) talker.send(Buffer.from([0xc1, 0xff, i]));
    expect(await over).toBe(1007);
    const large = await session('w-3');
    const gone = closed(large);
    large.send(Buffer.alloc(700 * 1024, 0x90));
    expect(await gone).toBe(1009);
    expect((await yard.call('GET', '/livez', { key: null })).status).toBe(200);
  });
});
