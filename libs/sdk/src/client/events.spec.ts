import { afterEach, describe, expect, it } from 'vitest';
import { EventCutter } from './event-batch.js';
import { FakeYard, json } from '../../test/fake-yard.js';
import { Yard } from './yard.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const sse = (n: number, more = ''): string =>
  `id: p${String(n)}\nevent: TaskSubmitted\ndata: {"type":"TaskSubmitted","n":${String(n)}${more}}\n\n`;

describe('the cutter', () => {
  it('gives the same events wherever the bytes are cut', () => {
    const all = bytes(`: keep-alive\n\n${sse(1)}${sse(2, ',"name":"grün ✓"')}${sse(3)}`);
    for (let cut = 0; cut <= all.length; cut++) {
      const cutter = new EventCutter();
      const batches = [cutter.push(all.subarray(0, cut)), cutter.push(all.subarray(cut))].filter(
        (b) => b !== null,
      );
      expect(batches.flatMap((b) => b.events.map((e) => e['n']))).toEqual([1, 2, 3]);
      expect(cutter.position).toBe('p3');
      expect(batches.flatMap((b) => b.events)[1]?.name).toBe('grün ✓');
    }
  });

  it('joins data lines, takes CRLF and leaves comments out', () => {
    const cutter = new EventCutter();
    expect(cutter.push(bytes(': ping\r\n\r\n'))).toBeNull();
    const batch = cutter.push(bytes('id:7\r\nevent:x\r\ndata: {"type":\r\ndata: "x"}\r\n\r\n'));
    expect(batch?.events).toEqual([{ type: 'x' }]);
    expect(batch?.position).toBe('7');
  });

  it('scans types without parsing', () => {
    const batch = new EventCutter().push(bytes(sse(1) + sse(2)));
    const seen: string[] = [];
    batch?.scan((type, text) => seen.push(`${type} ${String(text.length)}`));
    expect(seen).toEqual(['TaskSubmitted 30', 'TaskSubmitted 30']);
  });
});

describe('a stream', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const it of open.splice(0)) await it.close();
  });

  it('goes on after the last position when the connection broke', async () => {
    let n = 0;
    const fake = await FakeYard.start((response) => {
      n++;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (n === 1) response.write(sse(1) + sse(2) + 'id: p3\nevent: Task', () => response.socket?.destroy());
      else response.write(sse(3) + sse(4));
    });
    const yard = new Yard({ url: fake.url, token: 't' });
    open.push(yard, { close: () => fake.stop() });
    const seen: unknown[] = [];
    for await (const event of yard.events({
      from: 'start',
      types: ['TaskSubmitted', 'TaskSucceeded'],
      workflow: '9',
    })) {
      seen.push(event['n']);
      if (seen.length === 4) break;
    }
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(fake.seen.map((s) => [s.url, s.headers['last-event-id']])).toEqual([
      ['/v1/events?from=start&types=TaskSubmitted%2CTaskSucceeded&workflow=9', undefined],
      ['/v1/events?types=TaskSubmitted%2CTaskSucceeded&workflow=9', 'p2'],
    ]);
  });

  it('ends with what the yard says when it ends it', async () => {
    const problem = { code: 'resync', detail: 'read the lists again', status: 410 };
    const fake = await FakeYard.start((response) => {
      response.writeHead(200).end(`${sse(1)}event: error\ndata: ${JSON.stringify(problem)}\n\n`);
    });
    const yard = new Yard({ url: fake.url, token: 't' });
    open.push(yard, { close: () => fake.stop() });
    const seen: unknown[] = [];
    const followed = yard.onEvents({ from: 'start', onBatch: (batch) => void seen.push(...batch.events) });
    await expect(followed).rejects.toMatchObject({ code: 'resync', message: 'read the lists again' });
    expect(seen).toHaveLength(1);
  });

  it('ends quietly by its signal and with an error when the position is too old', async () => {
    const fake = await FakeYard.start((response, { headers }) => {
      if (headers['last-event-id'] === 'old')
        json(response, 410, { code: 'resync', detail: 'too old', status: 410 });
      else response.writeHead(200).write(sse(1));
    });
    const yard = new Yard({ url: fake.url, token: 't' });
    open.push(yard, { close: () => fake.stop() });
    const stop = new AbortController();
    await yard.onEvents({
      signal: stop.signal,
      onBatch: () => {
        stop.abort();
      },
    });
    await expect(yard.onEvents({ from: 'old', onBatch: () => undefined })).rejects.toMatchObject({
      code: 'resync',
    });
  });
});
