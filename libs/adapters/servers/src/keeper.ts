import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
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
import { dropLock, takeLock } from './keeper-lock.js';
import { KeptProcess } from './kept-process.js';
import { StoreWatch } from './store-watch.js';
import { readJson, writePrivateFile } from './private-files.js';
import { isRunning, processRef } from './process-ref.js';

/*
 * The keeper owns the backing servers of one home.
 *
 * K1  At most one keeper runs per home (keeper-lock.ts).
 * K2  At most one yard is connected; another one is refused and told the holder's process id.
 * K3  A server lives as long as the keeper wants it: it is started again when it ends by itself.
 *     One that runs and stores nothing any more is ended, so that it is started again (store-watch.ts).
 * K4  Every server that runs is in keeper.json, written before the yard hears of it; a new keeper adopts
 *     from there what its predecessor left behind when it was killed.
 * K5  After a goodbye, or when no yard is connected for the grace time, all servers are stopped cleanly and
 *     the keeper ends.
 */
export class Keeper {
  private readonly home: string;
  private readonly graceMs: number;
  private readonly since = Date.now();
  private readonly servers = new Map<string, KeptProcess>();
  private readonly watches = new Map<string, StoreWatch>();
  private readonly listener = net.createServer((socket) => this.welcome(socket));
  private yard: { readonly socket: net.Socket; readonly pid: number } | undefined;
  private grace: NodeJS.Timeout | undefined;
  private ending: Promise<void> | undefined;

  constructor(home: string, graceMs: number) {
    this.home = home;
    this.graceMs = graceMs;
  }

  /** @returns false when another keeper has this home */
  open(): boolean {
    if (!takeLock(runDirectory(this.home))) return false;
    this.adoptServers();
    const socket = keeperSocket(this.home);
    mkdirSync(path.dirname(socket), { recursive: true, mode: 0o700 });
    rmSync(socket, { force: true });
    this.listener.listen(socket, () => {
      chmodSync(socket, 0o600);
      this.remember();
    });
    this.startGrace();
    return true;
  }

  /** Stops every server, then ends this process. */
  end(): Promise<void> {
    this.ending ??= this.stopEverything();
    return this.ending;
  }

  private async stopEverything(): Promise<void> {
    clearTimeout(this.grace);
    for (const watch of this.watches.values()) watch.stop();
    await Promise.all([...this.servers.values()].map((server) => server.stop()));
    this.servers.clear();
    this.listener.close();
    rmSync(keeperRecordFile(this.home), { force: true });
    rmSync(keeperSocket(this.home), { force: true });
    dropLock(runDirectory(this.home));
  }

  private welcome(socket: net.Socket): void {
    const answer = (message: KeeperAnswer | ServerEnded): void => {
      if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
    };
    socket.on('error', () => socket.destroy());
    socket.on(
      'data',
      jsonLines((message) => void this.handle(message as KeeperRequest, socket, answer)),
    );
    socket.on('close', () => {
      if (this.yard?.socket !== socket) return;
      this.yard = undefined;
      this.startGrace();
    });
  }

  private async handle(
    request: KeeperRequest,
    socket: net.Socket,
    answer: (a: KeeperAnswer) => void,
  ): Promise<void> {
    const { id } = request;
    if (request.op === 'hello') {
      if (this.yard && this.yard.socket !== socket) return answer({ id, ok: false, holder: this.yard.pid });
      // A keeper on its way out keeps nothing for a newcomer, which asks again until it can start its own.
      if (this.ending) return void socket.destroy();
      this.yard = { socket, pid: request.pid };
      clearTimeout(this.grace);
      return answer(this.state(id));
    }
    if (this.yard?.socket !== socket) return void socket.destroy();
    if (request.op === 'run') this.run(request.spec);
    if (request.op === 'stop') await this.stop(request.name);
    if (request.op === 'goodbye') await this.end();
    answer(this.state(id));
    if (request.op === 'goodbye') socket.end(() => process.exit(0));
  }

  private run(spec: ServerSpec): void {
    if (this.ending || this.servers.has(spec.name)) return;
    this.keep(spec).start();
  }

  private async stop(name: string): Promise<void> {
    this.watches.get(name)?.stop();
    await this.servers.get(name)?.stop();
    this.servers.delete(name);
    this.remember();
  }

  private keep(spec: ServerSpec): KeptProcess {
    const server = new KeptProcess(spec, {
      started: () => this.remember(),
      ended: (end) => {
        this.remember();
        const said: ServerEnded = { event: 'ended', name: spec.name, ...end };
        this.yard?.socket.write(`${JSON.stringify(said)}\n`);
      },
    });
    this.servers.set(spec.name, server);
    if (spec.health !== undefined)
      this.watches.set(
        spec.name,
        new StoreWatch(spec.port, spec.health, async (fault) => {
          console.log(`${new Date().toISOString()} ${spec.name} is ended and started again: ${fault}`);
          await server.restartFor(fault);
        }),
      );
    return server;
  }

  private adoptServers(): void {
    const record = readJson(keeperRecordFile(this.home)) as KeeperRecord | undefined;
    for (const { spec, pid, started } of record?.servers ?? []) {
      if (isRunning({ pid, started })) this.keep(spec).adopt({ pid, started });
    }
  }

  private startGrace(): void {
    clearTimeout(this.grace);
    this.grace = setTimeout(() => void this.end().then(() => process.exit(0)), this.graceMs);
  }

  private state(id: number): KeeperAnswer {
    return { id, ok: true, keeperPid: process.pid, servers: this.kept() };
  }

  private kept(): KeptServer[] {
    return [...this.servers.values()].flatMap((server) => server.kept ?? []);
  }

  private remember(): void {
    if (this.ending) return;
    const self = processRef(process.pid);
    if (!self) return;
    const record: KeeperRecord = {
      ...self,
      socket: keeperSocket(this.home),
      since: this.since,
      servers: this.kept(),
    };
    writePrivateFile(keeperRecordFile(this.home), `${JSON.stringify(record, null, 2)}\n`);
  }
}
