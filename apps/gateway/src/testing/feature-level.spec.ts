import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeYard, ok } from './fake-yard.js';

let yard: FakeYard;
let key: string;
beforeAll(async () => {
  yard = await FakeYard.open();
  key = yard.key('operator');
});
afterAll(async () => {
  await yard.close();
});

const run = { handler: 'a' };
const tooLow = {
  code: 'conflict',
  detail: expect.stringContaining('`yard admin feature-level raise`') as string,
};

describe('a lease time, which comes with feature level 2', () => {
  it('is refused before, as an owner of the version before would take the task without it', async () => {
    const post = (path: string, body: unknown): ReturnType<FakeYard['call']> =>
      yard.call('POST', path, { key, body });
    const one = await post('/v1/tasks', { run, leaseTtl: '5m' });
    expect([one.status, one.json]).toMatchObject([409, tooLow]);
    const bulk = await post('/v1/tasks', { tasks: [{ run }, { run, leaseTtl: '5m' }] });
    expect(bulk.json['items']).toMatchObject([{ state: 'ready' }, { error: tooLow }]);
    const workflow = { name: 'w', tasks: { a: { run }, b: { run, leaseTtl: '5m' } } };
    expect((await post('/v1/workflows', workflow)).json).toMatchObject(tooLow);
    expect(yard.submitted.map(({ tasks }) => tasks.length)).toEqual([1]);
    yard.level.raised(2);
    expect((await post('/v1/tasks', { run, leaseTtl: '5m' })).status).toBe(202);
    expect((await post('/v1/workflows', workflow)).status).toBe(202);
  });

  it('of a queue is refused when its manager is of the version before, which answers nothing', async () => {
    const queue = { name: 'default', paused: false, ready: 0, visible: 0, leased: 0, backingOff: 0 };
    yard.bus.answers.set('yard.cmd.v1.queue.main', ({ op }: { op: string }) =>
      ok(op === 'list' ? [queue] : null),
    );
    yard.bus.answers.set('yard.cmd.v1.batcher.main', () => ok({}));
    const set = await yard.call('PUT', '/v1/queues/default', { key, body: { leaseTtl: '5m' } });
    expect([set.status, set.json]).toMatchObject([409, tooLow]);
  });
});
