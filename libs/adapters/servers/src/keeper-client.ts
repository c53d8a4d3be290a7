import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  jsonLines,
  keeperRecordFile,
  keeperSocket,
  runDirectory,
  type KeeperAnswer,
  type KeeperRecord,
  type KeeperRequest,
  type KeptServer,
  type ServerEnded,
  type ServerSpec,
} from './keeper-protocol.js';
import { privateDirectory, readJson } from './private-files.js';
import { endProcess, isRunning } from './process-ref.js';
import { plainEnvironment } from './run-tool.js';
import { ServerUnavailable, YardAlreadyRunning } from './server-errors.js';

const CONNECT_PATIENCE_MS = 15_000;
/** A keeper that is stopping its servers may take this long before a new one can start. */
const STOP_PATIENCE_MS = 60_000;

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;
type Granted = Extract<KeeperAnswer, { ok: true }>;

export interface KeeperOptions {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly graceMs: number;
  readonly onEnded: (ended: ServerEnded) => void;
}

/**
 * The yard's end of the connection to the keeper of its home. A keeper that is killed is replaced: the new
 * one adopts the servers, which never stopped.
 */
export class KeeperClient {
  private readonly options: KeeperOptions;
  private socket: net.Socket | undefined;
  private readonly waiting = new Map<
    number,
    { resolve: (a: KeeperAnswer) => void; reject: (e: Error) => void }
  >();
  private nextId = 1;
  private isDone = false;
  private reconnecting: Promise<void> | undefined;
  keeperPid = 0;
  /** The servers that the keeper held when this yard came: not empty after a crash of the last yard. */
  found: readonly KeptServer[] = [];

  private constructor(options: KeeperOptions) {
    this.options = options;
  }

  /** @throws YardAlreadyRunning when another yard is connected */
  static async connect(options: KeeperOptions): Promise<KeeperClient> {
    privateDirectory(runDirectory(options.home));
    const client = new KeeperClient(options);
    client.found = (await client.attach()).servers;
    return client;
  }

  async run(spec: ServerSpec): Promise<void> {
    await this.ask({ op: 'run', spec });
  }

  async stop(name: string): Promise<void> {
    await this.ask({ op: 'stop', name });
  }

  /** All servers stopped cleanly, the keeper gone. Nothing to do after `release`. */
  async goodbye(): Promise<void> {
    if (this.isDone) return;
    await this.reconnecting?.catch(() => {});
    const record = readJson(keeperRecordFile(this.options.home)) as KeeperRecord | undefined;
    this.isDone = true;
    const isAnswered = await this.askNow({ op: 'goodbye' }).then(
      () => true,
      () => false,
    );
    this.socket?.destroy();
    if (!record) return;
    if (!isAnswered) {
      // It died just now: end what it kept in its place.
      await Promise.all(record.servers.map((s) => endProcess(s, s.spec.stopSignal, s.spec.stopPatienceMs)));
    }
    await endProcess(record, 'SIGCONT', 5_000);
  }

  /** Leaves without goodbye: the keeper holds the servers for the grace time. */
  release(): void {
    this.isDone = true;
    this.socket?.destroy();
  }

  private async ask(request: Unnumbered<KeeperRequest>): Promise<Granted> {
    await this.reconnecting;
    return this.askNow(request);
  }

  private async askNow(request: Unnumbered<KeeperRequest>): Promise<Granted> {
    const socket = this.socket;
    if (!socket || socket.destroyed) throw new ServerUnavailable('the keeper of the backing servers is gone');
    const id = this.nextId++;
    const answer = await new Promise<KeeperAnswer>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      socket.write(`${JSON.stringify({ ...request, id })}\n`);
    });
    if (!answer.ok) throw new YardAlreadyRunning(this.options.home, answer.holder);
    return answer;
  }

  private async attach(): Promise<Granted> {
    const began = performance.now();
    for (;;) {
      if (await this.dial()) {
        try {
          const state = await this.askNow({ op: 'hello', pid: process.pid });
          this.keeperPid = state.keeperPid;
          return state;
        } catch (error) {
          this.socket?.destroy();
          if (error instanceof YardAlreadyRunning) throw error;
        }
      }
      const waited = performance.now() - began;
      if (waited > (this.isKeeperStopping() ? STOP_PATIENCE_MS : CONNECT_PATIENCE_MS)) {
        throw this.keeperFails();
      }
    }
  }

  private keeperFails(): ServerUnavailable {
    const log = path.join(runDirectory(this.options.home), 'keeper.log');
    return new ServerUnavailable(`the keeper of the backing servers does not start: see ${log}`);
  }

  private isKeeperStopping(): boolean {
    const record = readJson(keeperRecordFile(this.options.home)) as KeeperRecord | undefined;
    return record !== undefined && isRunning(record);
  }

  /** Connects; when nobody listens, starts a keeper and gives it a moment. */
  private async dial(): Promise<boolean> {
    if (await this.connectSocket()) return true;
    const keeper = spawnKeeper(this.options);
    const isOver = new Promise<number>((resolve) => keeper.once('exit', (code) => resolve(code ?? 1)));
    for (let tries = 0; tries < 250; tries++) {
      const code = await Promise.race([sleep(15, undefined), isOver]);
      if (await this.connectSocket()) return true;
      if (code) throw this.keeperFails();
      if (code === 0) {
        // Another keeper has the home, and is either about to listen or about to leave.
        await sleep(100);
        return false;
      }
    }
    return false;
  }

  private connectSocket(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = net.connect(keeperSocket(this.options.home));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => {
        this.adoptSocket(socket);
        resolve(true);
      });
    });
  }

  private adoptSocket(socket: net.Socket): void {
    this.socket = socket;
    socket.on('error', () => socket.destroy());
    socket.on(
      'data',
      jsonLines((message) => this.hear(message as KeeperAnswer | ServerEnded)),
    );
    socket.on('close', () => {
      for (const { reject } of this.waiting.values()) reject(new ServerUnavailable('the keeper went away'));
      this.waiting.clear();
      // Only a connection that was accepted is worth restoring; attach() itself tries again.
      if (this.isDone || this.socket !== socket || this.keeperPid === 0 || this.reconnecting) return;
      this.reconnecting = this.attach()
        .then(() => {})
        .finally(() => {
          this.reconnecting = undefined;
        });
      this.reconnecting.catch(() => {});
    });
  }

  private hear(message: KeeperAnswer | ServerEnded): void {
    if ('event' in message) return this.options.onEnded(message);
    this.waiting.get(message.id)?.resolve(message);
    this.waiting.delete(message.id);
  }
}

function spawnKeeper({ home, env, graceMs }: KeeperOptions): ReturnType<typeof spawn> {
  const log = openSync(path.join(runDirectory(home), 'keeper.log'), 'a', 0o600);
  try {
    const keeper = spawn(process.execPath, [...keeperProgram(), home, String(graceMs)], {
      cwd: '/',
      env: plainEnvironment(env),
      detached: true,
      stdio: ['ignore', log, log],
    });
    keeper.unref();
    return keeper;
  } finally {
    closeSync(log);
  }
}

/** The built keeper; for a test that runs from the sources, the source of it. */
function keeperProgram(): string[] {
  if (!import.meta.url.endsWith('.ts')) {
    return ['--max-old-space-size=64', fileURLToPath(new URL('./keeper.main.js', import.meta.url))];
  }
  const hooks = `import { registerHooks } from 'node:module';
    registerHooks({ resolve: (specifier, context, next) =>
      next(specifier.startsWith('.') ? specifier.replace(/\\.js$/, '.ts') : specifier, context) });`;
  return [
    '--no-warnings',
    `--import=data:text/javascript,${encodeURIComponent(hooks)}`,
    fileURLToPath(new URL('./keeper.main.ts', import.meta.url)),
  ];
}
