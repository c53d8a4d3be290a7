import { expect, it } from 'vitest';
import { until } from '../../support/processes.js';
import { openGrpc } from './grpc.js';
import { http, type Traveller } from './traveller.js';

const WAIT = { timeout: '60s' };

/** Events, queues, workers and everything around the tasks. */
export function platformJourney(me: () => Traveller): void {
  it('resumes the events after any of them and misses none', async () => {
    const { yard } = me();
    const task = await yard.tasks.submit({ run: { command: ['true'] } });
    await task.wait(WAIT);
    const read = async (from: string, count: number): Promise<{ type: string; at: string }[]> =>
      await readEvents(me(), task.id, from, count);
    const all = await until('its events', async () => {
      const events = await read('start', 4);
      return events.some(({ type }) => type === 'TaskSucceeded') && events;
    });
    expect(all.map(({ type }) => type).sort()).toEqual([
      'LeaseEnded',
      'LeaseGranted',
      'TaskSubmitted',
      'TaskSucceeded',
    ]);
    for (let i = 0; i < all.length - 1; i++) {
      const rest = await read(all[i]?.at ?? '', all.length - i - 1);
      expect(rest.map(({ type }) => type).sort()).toEqual(
        all
          .slice(i + 1)
          .map(({ type }) => type)
          .sort(),
      );
    }
    const types: string[] = [];
    for await (const event of yard.events({ from: task.position, task: task.id })) {
      types.push(event.type);
      if (types.length === 4) break;
    }
    expect(types).toHaveLength(4);
    expect((await yard.tasks.history(task.id)).map(({ type }) => type)).toEqual(
      expect.arrayContaining(['TaskSubmitted', 'LeaseGranted', 'LeaseEnded', 'TaskSucceeded']),
    );
  });

  it('starts nothing from a paused queue', async () => {
    const { yard } = me();
    expect((await yard.queues.list()).items.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['default', 'off-peak']),
    );
    expect(await yard.queues.pause('off-peak')).toMatchObject({ name: 'off-peak', paused: true });
    const task = await yard.tasks.submit({ run: { handler: 'noop' }, scheduling: { queue: 'off-peak' } });
    await until('the reason', async () => (await task.why()).reason === 'queue-paused');
    expect(await yard.queues.resume('off-peak')).toMatchObject({ paused: false });
    expect(await task.result(WAIT)).toBeNull();
  });

  it('gives a cordoned worker nothing new', async () => {
    const { yard } = me();
    const mine = (await yard.workers.list()).items.find(({ name }) => name === 'traveller');
    expect(mine).toMatchObject({
      kind: 'sdk',
      state: 'healthy',
      handlers: expect.arrayContaining(['noop']) as unknown,
    });
    const id = mine?.id ?? '';
    expect(await yard.workers.cordon(id)).toMatchObject({ state: 'cordoned' });
    const task = await yard.tasks.submit({ run: { handler: 'noop' } });
    await until('the reason', async () => (await task.why()).reason === 'no-worker-matches');
    await yard.workers.uncordon(id);
    expect(await task.result(WAIT)).toBeNull();
    expect(await yard.workers.get(id)).toMatchObject({ state: 'healthy' });
  });

  it('shows capacity, alerts and the cluster', async () => {
    const { yard } = me();
    expect(await yard.capacity()).toMatchObject({
      total: { cpu: expect.any(Number) as number },
      workers: { healthy: 2 },
    });
    for (const alert of (await yard.alerts()).items)
      expect(alert).toMatchObject({ action: expect.stringMatching(/./) as string });
    const { nodes, roles, partitions } = await yard.cluster();
    expect(nodes.length).toBeGreaterThan(0);
    expect(roles.map(({ role }) => role)).toEqual(
      expect.arrayContaining([
        'limits',
        'ids',
        'queue/main',
        'resources/main',
        'monitor',
        ...Array.from({ length: partitions }, (_, p) => `submitter/${String(p)}`),
      ]),
    );
  });

  it('serves health, metrics, its description and its page', async () => {
    const { started, yard } = me();
    const open = { ...started, token: null };
    for (const path of ['/livez', '/readyz', '/', '/docs'])
      expect([path, (await http(open, 'GET', path)).status]).toEqual([path, 200]);
    expect(await http(open, 'GET', '/openapi.json')).toMatchObject({
      status: 200,
      body: { openapi: expect.stringMatching(/^3\.1/) as string, paths: { '/v1/tasks': {} } },
    });
    expect((await http(open, 'GET', '/metrics')).status).toBe(401);
    await (await yard.tasks.submit({ run: { handler: 'noop' } })).wait(WAIT);
    const { body } = await http(started, 'GET', '/metrics');
    // Told by the process that owns the tasks, whichever that is.
    expect(body).toMatch(/^yard_tasks_total\{outcome="succeeded"\} [1-9]/m);
    expect(body).toMatch(/^yard_log_commit_seconds_count [1-9]/m);
    expect(body).toMatch(/^yard_process_resident_memory_bytes\{service="[a-z-]+"\} \d+/m);
    for (const name of [
      'yard_tasks_total',
      'yard_queue_wait_seconds',
      'yard_task_run_seconds',
      'yard_log_commit_seconds',
      'yard_workers',
      'yard_queue_depth',
    ])
      expect(body).toContain(name);
  });

  it('lists tasks and workflows once they are projected', async () => {
    const { yard } = me();
    const label = `run=${String(Date.now())}`;
    const [name = '', value = ''] = label.split('=');
    const ids = new Set<string>();
    for (let i = 0; i < 3; i++)
      ids.add(
        (
          await yard.tasks.submit({
            name: `listed-${String(i)}`,
            run: { handler: 'noop' },
            labels: { [name]: value },
          })
        ).id,
      );
    await until(
      'the list',
      async () => (await yard.tasks.list({ label, status: 'done' })).items.length === 3,
    );
    const seen: string[] = [];
    for await (const task of yard.tasks.all({ label, limit: 1, sort: 'oldest' })) seen.push(task.id);
    expect(new Set(seen)).toEqual(ids);
    expect((await yard.workflows.list()).items.length).toBeGreaterThan(0);
  });

  it('takes, shows and ends tasks and workflows over gRPC', async () => {
    const grpc = openGrpc(me().started);
    try {
      const { id } = await grpc.tasks('Submit', {
        task: {
          name: 'by-grpc',
          run: { handler: 'double', input: { structValue: { fields: { n: { numberValue: 4 } } } } },
        },
      });
      expect(await grpc.tasks('Wait', { id, timeout: '30s' })).toMatchObject({
        id,
        state: 'succeeded',
        status: 'done',
        name: 'by-grpc',
      });
      expect(await grpc.tasks('Get', { id })).toMatchObject({
        result: { structValue: { fields: { n: { numberValue: 8 } } } },
      });
      const workflow = await grpc.workflows('Submit', {
        name: 'by-grpc',
        tasks: { one: { run: { handler: 'noop' } } },
      });
      expect(await grpc.workflows('Wait', { id: workflow['id'], timeout: '30s' })).toMatchObject({
        state: 'succeeded',
      });
      await expect(grpc.tasks('Get', { id: '1' })).rejects.toMatchObject({ code: 5 });
      await expect(grpc.tasks('Submit', { task: {} })).rejects.toMatchObject({ code: 3 });
    } finally {
      grpc.close();
    }
  });
}

/** `count` events of a task from a position on, with the id of each, straight from the event stream. */
async function readEvents(
  { started }: Traveller,
  task: string,
  from: string,
  count: number,
): Promise<{ type: string; at: string }[]> {
  const stop = new AbortController();
  const answer = await fetch(
    `${started.url}/v1/events?task=${task}${from === 'start' ? '&from=start' : ''}`,
    {
      headers: {
        authorization: `Bearer ${started.token}`,
        ...(from === 'start' ? {} : { 'last-event-id': from }),
      },
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]),
    },
  );
  const events: { type: string; at: string }[] = [];
  let text = '';
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString();
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const frame = text.slice(0, end);
      text = text.slice(end + 2);
      const type = /^event: ?(.+)$/m.exec(frame)?.[1];
      if (type !== undefined) events.push({ type, at: /^id: ?(.+)$/m.exec(frame)?.[1] ?? '' });
    }
    if (events.length >= count) break;
  }
  stop.abort();
  return events;
}
