import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { AlertView } from '@yardmaster/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { AlertWebhook } from './alert-webhook.js';

const alert = (id: string): AlertView => ({
  id,
  kind: 'worker-unhealthy',
  subject: 'w1',
  message: 'worker w1 was silent for 15 s',
  action: 'look at it',
  raisedAt: 1,
  clearedAt: null,
});

const unexpected = (_: AlertView, why: string): void => expect.unreachable(why);

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

/** A receiver that answers with these statuses, one after the other, then 204; and what it was sent. */
async function receiver(
  ...statuses: number[]
): Promise<{ url: string; received: { type: string | undefined; alert: AlertView }[] }> {
  const received: { type: string | undefined; alert: AlertView }[] = [];
  server = createServer((request, response) => {
    void text(request).then((body) => {
      received.push({ type: request.headers['content-type'], alert: JSON.parse(body) as AlertView });
      response.writeHead(statuses.shift() ?? 204).end('thank you');
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/alerts`, received };
}

describe('the alert webhook', () => {
  it('posts each alert as JSON', async () => {
    const { url, received } = await receiver();
    const webhook = new AlertWebhook({ url, onFailure: unexpected });
    webhook.post(alert('a'));
    webhook.post({ ...alert('a'), clearedAt: 2 });
    await webhook.settled();
    expect(received).toEqual([
      { type: 'application/json', alert: alert('a') },
      { type: 'application/json', alert: { ...alert('a'), clearedAt: 2 } },
    ]);
  });

  it('tries again what was not taken, before the next', async () => {
    const { url, received } = await receiver(500, 503);
    const webhook = new AlertWebhook({ url, againAfterMs: [1, 1, 1], onFailure: unexpected });
    webhook.post(alert('a'));
    webhook.post(alert('b'));
    await webhook.settled();
    expect(received.map((one) => one.alert.id)).toEqual(['a', 'a', 'a', 'b']);
  });

  it('gives up in the end, says so, and goes on with the next', async () => {
    const { url, received } = await receiver(500, 500);
    const failed: string[] = [];
    const webhook = new AlertWebhook({
      url,
      againAfterMs: [1],
      onFailure: ({ id }, why) => failed.push(`${id}: ${why}`),
    });
    webhook.post(alert('a'));
    webhook.post(alert('b'));
    await webhook.settled();
    expect(failed).toEqual(['a: it answered 500']);
    expect(received.at(-1)?.alert.id).toBe('b');
  });

  it('says why nobody could be reached', async () => {
    const { url } = await receiver();
    server?.close();
    const failed: string[] = [];
    const webhook = new AlertWebhook({ url, againAfterMs: [], onFailure: (_, why) => failed.push(why) });
    webhook.post(alert('a'));
    await webhook.settled();
    expect(failed[0]).toContain('ECONNREFUSED');
  });
});
