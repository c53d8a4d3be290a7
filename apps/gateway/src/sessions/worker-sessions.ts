/**
 * Sessions of workers: one WebSocket each. Frames pass through unread, up to the resource manager and down from the roles.
 *
 * Owns: the sockets by worker, and the frames of the present turn. Invariants:
 * S1 a worker has at most one session here: a newer one closes the older; S2 frames of one session keep their order;
 * S3 a session ends by its socket only: leases end by missing heartbeats, never because a socket closed.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  BATCH_BYTES,
  ERRORS,
  YardError,
  commands,
  pack,
  problemOf,
  rejection,
  unpack,
  type GatewayMessage,
  type Rejection,
  type RelayDown,
  type RelayUp,
} from '@yardmaster/contracts';
import type { Bus } from '@yardmaster/service-kit';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import type { Caller } from '../auth/caller.js';
import { mayCall } from '../auth/roles.js';

/** A frame of a worker is at most this large; what has more to say sends several. */
export const FRAME_BYTES = 600 * 1024;
const WORKER_ID = /^[A-Za-z0-9_.:-]{1,128}$/;
/** Frames that are no frames, after which a session is closed. */
const MOST_GARBAGE = 5;
/** Bytes that may wait in one socket before its worker counts as gone. */
const MOST_BUFFERED = 64 * 1024 * 1024;
const PING_MS = 10_000;
/** A stream outlives a cached answer: its key is checked again this often. */
const RECHECK_MS = 60_000;

const NOTHING = new Uint8Array(0);
/** What is said of a worker whose connection is gone. */
const AWAY = pack([['away'] satisfies GatewayMessage]);

interface Session {
  readonly worker: string;
  readonly socket: WebSocket;
  readonly authorization: string | undefined;
  scope: number | null;
  garbage: number;
  isAlive: boolean;
  checkedAt: number;
}

export interface WorkerSessionParts {
  readonly bus: Bus;
  readonly gateway: string;
  readonly identify: (authorization: string | undefined) => Caller | Promise<Caller>;
  readonly onGarbage: (worker: string, reason: string, frame: Uint8Array) => void;
  readonly onCount: (sessions: number) => void;
}

export class WorkerSessions {
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES,
    clientTracking: false,
  });
  readonly #sessions = new Map<string, Session>();
  readonly #subscription: { stop(): void };
  readonly #pinger: NodeJS.Timeout;
  #up: RelayUp[] = [];
  #upBytes = 0;

  constructor(private readonly parts: WorkerSessionParts) {
    this.#subscription = parts.bus.subscribe(commands.worker(parts.gateway), (body) => {
      this.#down(body);
    });
    this.#pinger = setInterval(() => {
      this.#ping();
    }, PING_MS).unref();
  }

  get count(): number {
    return this.#sessions.size;
  }

  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => {
        socket.destroy();
      });
      this.#upgrade(request, socket, head).catch((cause: unknown) => {
        const why =
          cause instanceof YardError
            ? cause.rejection
            : rejection('internal', 'the session could not be opened');
        refuse(socket, why);
      });
    });
  }

  close(): void {
    clearInterval(this.#pinger);
    this.#subscription.stop();
    this.#flush();
    for (const { socket } of this.#sessions.values()) socket.close(1001, 'the gateway is stopping');
    this.#sessions.clear();
    this.#server.close();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://gateway');
    const { authorization } = request.headers;
    const caller = await this.parts.identify(authorization);
    if (url.pathname !== '/v1/workers/session')
      throw new YardError(rejection('not-found', 'sessions of workers are at /v1/workers/session'));
    if (!mayCall(caller.identity.role, 'workerSession'))
      throw new YardError(rejection('forbidden', `the role ${caller.identity.role} cannot work`));
    const worker = url.searchParams.get('worker') ?? '';
    if (!WORKER_ID.test(worker))
      throw new YardError(
        rejection(
          'invalid-request',
          'name the worker: ?worker=<id>, letters, digits and _.:- , at most 128',
          { errors: [{ path: 'worker', message: 'is not the id of a worker' }] },
        ),
      );
    this.#server.handleUpgrade(request, socket, head, (opened) => {
      this.#open(opened, socket, worker, caller, authorization);
    });
  }

  #open(
    socket: WebSocket,
    raw: Duplex,
    worker: string,
    caller: Caller,
    authorization: string | undefined,
  ): void {
    if ('setNoDelay' in raw && typeof raw.setNoDelay === 'function')
      (raw.setNoDelay as (on: boolean) => void)(true);
    const scope = scopeOf(caller);
    const before = this.#sessions.get(worker);
    if (before !== undefined && before.scope !== scope) {
      socket.close(1008, 'this worker id belongs to somebody else');
      return;
    }
    const session: Session = {
      worker,
      socket,
      authorization,
      scope,
      garbage: 0,
      isAlive: true,
      checkedAt: performance.now(),
    };
    this.#sessions.set(worker, session);
    before?.socket.close(4001, 'a newer session of this worker took over');
    this.parts.onCount(this.#sessions.size);
    socket.on('message', (data, isBinary) => {
      this.#received(session, data, isBinary);
    });
    socket.on('pong', () => {
      session.isAlive = true;
    });
    socket.on('error', () => {
      this.parts.onGarbage(worker, 'socket', NOTHING);
    });
    socket.on('close', () => {
      if (this.#sessions.get(worker) === session) {
        this.#sessions.delete(worker);
        this.#pass(session, AWAY);
      }
      this.parts.onCount(this.#sessions.size);
    });
  }

  #received(session: Session, data: RawData, isBinary: boolean): void {
    if (this.#sessions.get(session.worker) !== session) return;
    const frame = Buffer.isBuffer(data)
      ? data
      : Array.isArray(data)
        ? Buffer.concat(data)
        : Buffer.from(data);
    session.isAlive = true;
    if (!isBinary || !looksLikeFrame(frame)) {
      this.#garbage(session, isBinary ? 'not-a-list' : 'text', frame);
      return;
    }
    this.#pass(session, frame);
  }

  #pass({ worker, scope }: Session, frame: Uint8Array): void {
    if (this.#upBytes + frame.length > BATCH_BYTES) this.#flush();
    if (this.#up.length === 0)
      queueMicrotask(() => {
        this.#flush();
      });
    this.#up.push([this.parts.gateway, worker, scope, frame]);
    this.#upBytes += frame.length + 64;
  }

  #garbage(session: Session, reason: string, frame: Uint8Array): void {
    this.parts.onGarbage(session.worker, reason, frame);
    session.garbage++;
    if (session.garbage < MOST_GARBAGE) return;
    session.socket.send(
      pack([['err', { code: 'invalid-request', detail: 'these are no frames of a worker session' }]]),
    );
    session.socket.close(1007, 'no frames');
  }

  #flush(): void {
    if (this.#up.length === 0) return;
    const batch = this.#up;
    this.#up = [];
    this.#upBytes = 0;
    this.parts.bus.publishBytes(commands.leaseFrames(), pack(batch));
  }

  #down(body: unknown): void {
    if (!Array.isArray(body)) return;
    for (const [worker, frame] of body as readonly RelayDown[]) {
      const session = this.#sessions.get(worker);
      if (session === undefined || !(frame instanceof Uint8Array)) continue;
      if (session.socket.bufferedAmount > MOST_BUFFERED) session.socket.terminate();
      else session.socket.send(frame);
    }
  }

  #ping(): void {
    const now = performance.now();
    for (const session of this.#sessions.values()) {
      if (!session.isAlive) {
        session.socket.terminate();
        continue;
      }
      session.isAlive = false;
      session.socket.ping();
      if (now - session.checkedAt > RECHECK_MS) void this.#recheck(session, now);
    }
  }

  async #recheck(session: Session, now: number): Promise<void> {
    session.checkedAt = now;
    try {
      const caller = await this.parts.identify(session.authorization);
      if (mayCall(caller.identity.role, 'workerSession') && scopeOf(caller) === session.scope) return;
    } catch (cause) {
      // A ratelimiter that is away ends no sessions; a key that is refused does.
      if (!(cause instanceof YardError) || cause.code !== 'unauthenticated') return;
    }
    session.socket.send(
      pack([['err', { code: 'unauthenticated', detail: 'the key of this session was revoked' }]]),
    );
    session.socket.close(1008, 'the key was revoked');
  }
}

/** Agents and operators' workers serve every tenant; others their own. */
function scopeOf({ identity }: Caller): number | null {
  return identity.role === 'agent' || identity.role === 'operator' ? null : identity.tenant;
}

/** A frame is a msgpack array of arrays led by a name; the rest is checked by who reads it. */
function looksLikeFrame(frame: Uint8Array): boolean {
  const first = frame[0] ?? 0;
  const isArray = (first & 0xf0) === 0x90 || first === 0xdc || first === 0xdd;
  if (!isArray || frame.length > 4096) return isArray;
  try {
    const messages = unpack(frame);
    return (
      Array.isArray(messages) &&
      messages.every((message) => Array.isArray(message) && typeof message[0] === 'string')
    );
  } catch {
    return false;
  }
}

function refuse(socket: Duplex, why: Rejection): void {
  if (socket.destroyed) return;
  const body = JSON.stringify(problemOf(why, '0'.repeat(32)));
  const { http, title } = ERRORS[why.code];
  socket.end(
    `HTTP/1.1 ${String(http)} ${title}\r\nContent-Type: application/problem+json\r\nContent-Length: ${String(Buffer.byteLength(body))}\r\nConnection: close\r\n\r\n${body}`,
  );
}
