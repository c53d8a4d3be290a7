import { randomUUID } from 'node:crypto';
import { statfsSync } from 'node:fs';
import net from 'node:net';
import type { StoreHealth } from './keeper-protocol.js';

/** What ends with nothing but a new start: a server that is still catching up says other things. */
const FINAL = /write error|apply error|not enabled|not running/i;
/** With less than this a new start would find the disk as full as the last one did. */
const ROOM = 16 * 1024 * 1024;

/**
 * Why a nats-server that runs stores nothing any more until it is started again: its disk was full, or failed. Null while it stores,
 * while it does not answer within `patienceMs`, and while a new start would not help because the disk is full still.
 */
export async function storeFault(
  port: number,
  health: StoreHealth,
  patienceMs: number,
): Promise<string | null> {
  if (roomAt(health.store) < ROOM) return null;
  const answer = await askHealth(port, health, patienceMs);
  return answer?.find((error) => FINAL.test(error)) ?? null;
}

/** Bytes; 0 while there is no such directory. */
function roomAt(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

interface HealthAnswer {
  readonly data?: { readonly error?: string; readonly errors?: readonly { readonly error: string }[] };
}

/**
 * Asks the server itself, by the system account, without a client library: the keeper stays small. Undefined when nothing that makes
 * sense came in time.
 */
function askHealth(
  port: number,
  { user, password }: StoreHealth,
  patienceMs: number,
): Promise<readonly string[] | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    // Subjects of a cluster are one space: what is asked of another server at this moment must not be heard here.
    const inbox = `_INBOX.keeper.${randomUUID()}`;
    let text = '';
    let isAsked = false;
    const finish = (errors?: readonly string[]): void => {
      socket.destroy();
      clearTimeout(timer);
      resolve(errors);
    };
    const timer = setTimeout(finish, patienceMs);
    socket.on('error', () => finish());
    socket.on('close', () => finish());
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
      try {
        hear();
      } catch {
        // Somebody else's words.
        finish();
      }
    });
    function hear(): void {
      const info = /^INFO (.*)\r\n/.exec(text)?.[1];
      if (info === undefined) return;
      if (!isAsked) {
        isAsked = true;
        const { server_id: id } = JSON.parse(info) as { server_id: string };
        const ask = JSON.stringify({ details: true });
        const hello = { user, pass: password, verbose: false, name: 'keeper' };
        socket.write(
          `CONNECT ${JSON.stringify(hello)}\r\nSUB ${inbox} 1\r\n` +
            `PUB $SYS.REQ.SERVER.${id}.HEALTHZ ${inbox} ${String(ask.length)}\r\n${ask}\r\n`,
        );
      }
      const errors = errorsIn(text);
      if (errors !== undefined) finish(errors);
    }
  });
}

/** Undefined while the answer is not all there. */
function errorsIn(text: string): readonly string[] | undefined {
  const head = /\r\nMSG \S+ 1 +(?:\S+ +)?(\d+)\r\n/.exec(text);
  if (head === null) return undefined;
  const body = Buffer.from(text.slice(head.index + head[0].length));
  const size = Number(head[1]);
  if (body.length < size) return undefined;
  const { data } = JSON.parse(body.toString('utf8', 0, size)) as HealthAnswer;
  return [
    ...(data?.error === undefined ? [] : [data.error]),
    ...(data?.errors ?? []).map((one) => one.error),
  ];
}
