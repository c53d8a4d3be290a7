import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  pack,
  unpack,
  runMessages,
  type Assignment,
  type HeartbeatMessage,
  type JoinMessage,
  type KillOrder,
  type Note,
  type Report,
  type ReportAnswer,
  type Work,
  type WorkerMessage,
  type YardMessage,
} from '@yardmaster/contracts';
import { WebSocketServer, type WebSocket } from 'ws';

export interface WorkerYardOptions {
  readonly port?: number;
  readonly heartbeatMs?: number;
  readonly token?: string;
}

/** The yard as one worker sees it: a real WebSocket server that speaks frames, and the calls for blobs and output. */
export class WorkerYard {
  readonly joins: JoinMessage[] = [];
  readonly heartbeats: HeartbeatMessage[] = [];
  /** Every report as it came, repeats included. */
  readonly reports: Report[] = [];
  readonly notes: Note[] = [];
  readonly byes: string[] = [];
  readonly blobs = new Map<string, Buffer>();
  /** Output by `<task>/<attempt>/<stream>`. */
  readonly logs = new Map<string, Buffer>();
  readonly calls: string[] = [];
  answersHeartbeats = true;
  answersReports = true;
  /** Status for every output call; null = take it. */
  logStatus: number | null = null;
  epoch = 1;
  readonly #sockets = new Set<WebSocket>();
  #watchers: { readonly ready: () => boolean; readonly go: () => void }[] = [];

  private constructor(
    private readonly server: Server,
    private readonly sockets: WebSocketServer,
    private readonly options: WorkerYardOptions,
  ) {
    sockets.on('connection', (socket, request: IncomingMessage) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      socket.on('message', (data: Buffer) => {
        for (const message of unpack(data) as WorkerMessage[])
          this.#take(
            socket,
            new URL(request.url ?? '/', 'http://yard').searchParams.get('worker') ?? '',
            message,
          );
        this.#look();
      });
    });
  }

  static async open(options: WorkerYardOptions = {}): Promise<WorkerYard> {
    const server = createServer();
    const sockets = new WebSocketServer({ noServer: true });
    const yard = new WorkerYard(server, sockets, options);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      yard.#serve(request, response);
    });
    server.on('upgrade', (request: IncomingMessage, socket, head) => {
      if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`) {
        socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
        return;
      }
      sockets.handleUpgrade(request, socket, head, (accepted) => {
        sockets.emit('connection', accepted, request);
      });
    });
    await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
    return yard;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  run(assignments: readonly Assignment[], incarnation?: string): void {
    for (const message of runMessages(assignments, incarnation)) this.send(message);
  }

  kill(orders: readonly KillOrder[]): void {
    this.send(['kill', orders]);
  }

  send(message: YardMessage): void {
    const frame = pack([message]);
    for (const socket of this.#sockets) socket.send(frame);
  }

  sendBytes(bytes: Uint8Array): void {
    for (const socket of this.#sockets) socket.send(bytes);
  }

  addBlob(bytes: Buffer | string): string {
    const body = Buffer.from(bytes);
    const sha256 = createHash('sha256').update(body).digest('hex');
    this.blobs.set(sha256, body);
    return sha256;
  }

  log(task: string, attempt: number, stream: 'stdout' | 'stderr'): string {
    return this.logs.get(`${task}/${attempt}/${stream}`)?.toString() ?? '';
  }

  /** First report of a task, as soon as there is one. */
  async report(task: string, timeoutMs = 50_000): Promise<Report> {
    await this.until(
      () => this.reports.some((report) => report[0] === task),
      `a report of task ${task}`,
      timeoutMs,
    );
    return this.reports.find((report) => report[0] === task)!;
  }

  /** Resolves when `ready` holds; looked at after every message and call. */
  async until(ready: () => boolean, what: string, timeoutMs = 50_000): Promise<void> {
    if (ready()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`waited ${timeoutMs} ms for ${what}`));
      }, timeoutMs);
      this.#watchers.push({
        ready,
        go: () => {
          clearTimeout(timer);
          resolve();
        },
      });
    });
  }

  /** Cuts every connection without a word. */
  cut(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  async close(): Promise<void> {
    this.cut();
    this.sockets.close();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #take(socket: WebSocket, worker: string, message: WorkerMessage): void {
    const answer = (reply: YardMessage): void => {
      socket.send(pack([reply]));
    };
    switch (message[0]) {
      case 'join':
        this.joins.push(message[1]);
        answer([
          'welcome',
          { epoch: this.epoch, heartbeatMs: this.options.heartbeatMs ?? 5_000, ttlMs: 30_000 },
        ]);
        return;
      case 'hb':
        this.heartbeats.push(message[1]);
        if (this.answersHeartbeats) answer(['hb-ok', { n: message[1].n, epoch: this.epoch }]);
        return;
      case 'rep':
        for (const report of message[1]) this.reports.push(report);
        if (this.answersReports)
          answer([
            'rep-ok',
            message[1].map(([task, attempt, fence]): ReportAnswer => [task, attempt, fence, 'ok']),
          ]);
        return;
      case 'note':
        this.notes.push(...message[1]);
        return;
      case 'bye':
        this.byes.push(worker);
    }
  }

  #look(): void {
    const ready = this.#watchers.filter((watcher) => watcher.ready());
    this.#watchers = this.#watchers.filter((watcher) => !ready.includes(watcher));
    for (const watcher of ready) watcher.go();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://yard');
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      this.calls.push(`${request.method ?? ''} ${url.pathname}`);
      const [status, answer] = this.#answer(request.method ?? '', url, body);
      response.writeHead(status);
      response.end(answer);
      this.#look();
    });
  }

  #answer(method: string, url: URL, body: Buffer): [number, Buffer | string] {
    const parts = url.pathname.split('/').slice(1);
    if (parts[2] === 'blobs' && method === 'GET') {
      const blob = this.blobs.get(parts[4] ?? '');
      return blob === undefined ? [404, 'no such blob'] : [200, blob];
    }
    if (parts[2] === 'blobs' && method === 'PUT')
      return [200, JSON.stringify({ sha256: this.addBlob(body) })];
    if (parts[2] === 'attempts' && method === 'PUT') {
      if (this.logStatus !== null) return [this.logStatus, ''];
      const key = `${parts[4] ?? ''}/${parts[5] ?? ''}/${parts[7] ?? ''}`;
      const offset = Number(url.searchParams.get('offset'));
      const before = this.logs.get(key) ?? Buffer.alloc(0);
      if (offset > before.length) return [409, 'a hole'];
      this.logs.set(key, Buffer.concat([before.subarray(0, offset), body]));
      return [200, JSON.stringify({ length: offset + body.length })];
    }
    return [404, ''];
  }
}

/** An assignment with everything that a test does not name filled in. */
export function assignment(
  task: string,
  work: Partial<Omit<Work, 'run'>> & { readonly run?: Partial<Work['run']> },
  attempt = 1,
  fence = 1,
): Assignment {
  return [
    task,
    attempt,
    fence,
    {
      kind: 'command',
      tenant: 1,
      name: `task ${task}`,
      handler: null,
      capMs: 60_000,
      parents: null,
      traceparent: null,
      ...work,
      run: { script: null, scriptHash: null, command: null, args: null, env: null, input: null, ...work.run },
    },
  ];
}
