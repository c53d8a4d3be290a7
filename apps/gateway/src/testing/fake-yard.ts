import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  eventSubject,
  FEATURE_LEVEL,
  fromWire,
  pack,
  rejection,
  streams,
  unpack,
  type Envelope,
  type Identity,
  type Reply,
  type SubmitCommand,
  type WireSubmit,
} from '@yardmaster/contracts';
import type { KeyRole } from '@yardmaster/domain';
import { MemoryLogWorld } from '@yardmaster/eventlog-memory';
import type { Clock } from '@yardmaster/kernel';
import type { AttemptLogStore, BlobStore, ReadModelQueries } from '@yardmaster/ports';
import {
  ClusterLevel,
  DeadLetters,
  Metrics,
  YardModule,
  createLogger,
  type Bus,
  type CommittedFeed,
  type CommittedLog,
} from '@yardmaster/service-kit';
import { GatewayAdapter, GatewayModule, openGateway, type OpenGateway } from '../index.js';

export type Answer = (body: never) => Reply<unknown> | Promise<Reply<unknown>>;
export const ok = <T>(value: T): Reply<T> => ({ ok: true, value });
export const no = (code: Parameters<typeof rejection>[0], detail = 'refused', more = {}): Reply<never> => ({
  ok: false,
  rejection: rejection(code, detail, more),
});

/** A bus without a broker: answers are given by the test, statements are kept. */
export class FakeBus implements Bus {
  readonly answers = new Map<string, Answer>();
  readonly said: { subject: string; body: unknown }[] = [];
  readonly asked: { subject: string; body: unknown }[] = [];
  readonly #listeners = new Map<string, Set<(body: unknown, subject: string) => void>>();

  request<T>(subject: string, body: unknown): Promise<Reply<T>> {
    return this.requestBytes<T>(subject, pack(body));
  }

  async requestBytes<T>(subject: string, bytes: Uint8Array): Promise<Reply<T>> {
    const body = unpack(bytes);
    this.asked.push({ subject, body });
    const answer = this.answers.get(subject) ?? this.answers.get(subject.replace(/\d+$/, '*'));
    if (answer === undefined) return no('unavailable', `no owner answers on ${subject}`);
    return (await answer(body as never)) as Reply<T>;
  }

  publish(subject: string, body: unknown): void {
    this.publishBytes(subject, pack(body));
  }

  publishBytes(subject: string, bytes: Uint8Array): void {
    const body = unpack(bytes);
    this.said.push({ subject, body });
    for (const listener of this.#listeners.get(subject) ?? []) listener(body, subject);
  }

  subscribe(subject: string, onMessage: (body: unknown, subject: string) => void): { stop(): void } {
    const listeners = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, listeners.add(onMessage));
    return { stop: () => listeners.delete(onMessage) };
  }

  serve(): { stop(): void } {
    return { stop: () => undefined };
  }
}

/** Committed envelopes in memory. */
export class FakeLog implements CommittedLog {
  readonly arrived = 0;
  readonly streams = new Map<string, Envelope[]>();
  readonly #wakes = new Set<() => void>();

  commit(stream: string, events: readonly unknown[], at = Date.now()): Envelope {
    const list = this.streams.get(stream) ?? [];
    this.streams.set(stream, list);
    const envelope = { stream, seq: list.length + 1, at, events, hash: '', prev: '' } as unknown as Envelope;
    list.push(envelope);
    for (const wake of this.#wakes) wake();
    return envelope;
  }

  feed(stream: string, after: number): CommittedFeed {
    let at = after;
    let stopped = false;
    const next = async (): Promise<readonly Envelope[]> => {
      for (;;) {
        if (stopped) throw new Error('stopped');
        const ready = (this.streams.get(stream) ?? []).slice(at);
        if (ready.length > 0) {
          at += ready.length;
          return ready;
        }
        await new Promise<void>((resolve) => this.#wakes.add(resolve));
      }
    };
    return {
      next,
      stop: () => {
        stopped = true;
        for (const wake of this.#wakes) wake();
      },
    };
  }

  head(stream: string): Promise<number> {
    return Promise.resolve(this.streams.get(stream)?.length ?? 0);
  }

  async *read(stream: string, from: number, to: number): AsyncIterable<Envelope> {
    yield* (this.streams.get(stream) ?? []).slice(from - 1, to);
  }
}

export class FakeBlobs implements BlobStore {
  readonly stored = new Map<string, Uint8Array>();
  put(tenant: number, bytes: Uint8Array): Promise<string> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.stored.set(`${String(tenant)}/${sha256}`, Uint8Array.from(bytes));
    return Promise.resolve(sha256);
  }
  get(tenant: number, sha256: string): Promise<Uint8Array | null> {
    return Promise.resolve(this.stored.get(`${String(tenant)}/${sha256}`) ?? null);
  }
}

class FakeLogs implements AttemptLogStore {
  readonly #bytes = new Map<string, Buffer>();
  append(
    tenant: number,
    task: string,
    attempt: number,
    stream: string,
    offset: number,
    bytes: Uint8Array,
  ): Promise<number> {
    const key = [tenant, task, attempt, stream].join('/');
    const before = this.#bytes.get(key) ?? Buffer.alloc(0);
    const after = Buffer.concat([before.subarray(0, offset), bytes]);
    if (after.length > before.length) this.#bytes.set(key, after);
    return Promise.resolve(this.#bytes.get(key)?.length ?? 0);
  }
  read(
    tenant: number,
    task: string,
    attempt: number,
    stream: string,
    offset: number,
    limit: number,
  ): Promise<Uint8Array> {
    return Promise.resolve(
      (this.#bytes.get([tenant, task, attempt, stream].join('/')) ?? Buffer.alloc(0)).subarray(
        offset,
        offset + limit,
      ),
    );
  }
}

/** A well-formed key that belongs to nobody until it is given to somebody. */
export function keyNamed(name: string): string {
  const body = `yk_local_${name}_${name.repeat(43).slice(0, 43)}`;
  return body + crc32(body).toString(16).padStart(8, '0');
}

export function identity(role: KeyRole, tenant = 1, more: Partial<Identity> = {}): Identity {
  return {
    keyId: `${role}${String(tenant)}`,
    tenant,
    tenantName: tenant === 1 ? 'default' : `tenant-${String(tenant)}`,
    trusted: true,
    user: 7,
    role,
    tasksPerHour: null,
    burstPerSecond: null,
    ...more,
  };
}

class TestModule {
  readonly name = 'test';
}

/** A gateway with everything behind it played by the test. */
export class FakeYard {
  readonly bus = new FakeBus();
  readonly log = new FakeLog();
  readonly blobs = new FakeBlobs();
  readonly level = new ClusterLevel();
  readonly keys = new Map<string, Identity>();
  home = '';
  url = '';
  gateway!: OpenGateway;
  app!: NestFastifyApplication;
  /** Submissions as their owners got them. */
  readonly submitted: (SubmitCommand & { partition: number })[] = [];
  #nextId = 1n;

  static async open(readModel: ReadModelQueries | null = null, grpc = false): Promise<FakeYard> {
    const yard = new FakeYard();
    yard.home = await mkdtemp(path.join(tmpdir(), 'yard-gateway-'));
    yard.#playOwners();
    const logger = createLogger('gateway', 'g1', 'silent');
    const config = {
      home: yard.home,
      archive: path.join(yard.home, 'archive'),
      node: 'g1',
      service: 'gateway',
      host: '127.0.0.1',
      httpPort: 0,
      grpcPort: 0,
      partitions: 8,
      logLevel: 'silent',
      alertWebhook: null,
      featureLevel: FEATURE_LEVEL,
      handOver: 'proposed' as const,
      snapshotMessages: 0,
      purgeKeepMessages: null,
    };
    const clock = { now: () => Date.now(), monotonic: () => performance.now() };
    const runtime = {
      config,
      bus: yard.bus,
      committed: yard.log,
      blobs: yard.blobs,
      attemptLogs: new FakeLogs(),
      clock,
      level: yard.level,
      logger,
      metrics: new Metrics('gateway'),
      deadLetters: await deadLetters(clock),
    };
    yard.app = await NestFactory.create<NestFastifyApplication>(
      {
        module: TestModule,
        imports: [YardModule.with(runtime), GatewayModule.with({ readModel, graph: null })],
      },
      new GatewayAdapter(),
      { logger: false },
    );
    yard.gateway = await openGateway(yard.app, { grpc });
    yard.url = `http://127.0.0.1:${String(yard.gateway.httpPort)}`;
    return yard;
  }

  /** A new key of this role. */
  key(role: KeyRole, tenant = 1, more: Partial<Identity> = {}): string {
    const key = keyNamed(`k${String(this.keys.size)}`);
    this.keys.set(createHash('sha256').update(key).digest('hex'), identity(role, tenant, more));
    return key;
  }

  async call(
    method: string,
    address: string,
    options: { key?: string | null; body?: unknown; type?: string; headers?: Record<string, string> } = {},
  ): Promise<{ status: number; json: Record<string, unknown>; headers: Headers; text: string }> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.key !== null) headers['authorization'] = `Bearer ${options.key ?? this.key('operator')}`;
    const body =
      options.body === undefined
        ? null
        : typeof options.body === 'string'
          ? options.body
          : options.body instanceof Uint8Array
            ? new Blob([Uint8Array.from(options.body)])
            : JSON.stringify(options.body);
    if (body !== null) headers['content-type'] ??= options.type ?? 'application/json';
    const response = await fetch(this.url + address, { method, headers, body });
    const text = await response.text();
    let json: Record<string, unknown> = {};
    try {
      json = JSON.parse(text) as Record<string, unknown>;
    } catch {
      // Not every answer is JSON.
    }
    return { status: response.status, json, headers: response.headers, text };
  }

  async close(): Promise<void> {
    this.gateway.stop();
    await this.app.close();
    await rm(this.home, { recursive: true, force: true });
  }

  id(partition: number): string {
    return String(((1_000_000_000_000n + this.#nextId++) << 22n) | (BigInt(partition) << 16n));
  }

  #playOwners(): void {
    this.bus.answers.set('yard.cmd.v1.limits', (command: { op: string; hash?: string }) => {
      if (command.op === 'authenticate') {
        const known = this.keys.get(command.hash ?? '');
        return known === undefined ? no('unauthenticated') : ok(known);
      }
      if (command.op === 'list-tenants')
        return ok({
          tenants: [
            { n: 1, name: 'default', subscription: 'operator', trusted: true },
            { n: 2, name: 'tenant-2', subscription: 'free', trusted: false },
          ],
        });
      return ok({});
    });
    for (let p = 0; p < 8; p++) {
      this.bus.answers.set(
        `yard.cmd.v1.tasks.${String(p)}`,
        (
          command:
            WireSubmit | { op: 'get' | 'get-workflow' | 'submit-blob'; tenant: number; sha256: string },
        ) => {
          if (command.op === 'submit') return this.#submit(command, p);
          if (command.op === 'submit-blob') {
            const bytes = this.blobs.stored.get(`${String(command.tenant)}/${command.sha256}`);
            return bytes === undefined ? no('internal') : this.#submit(unpack(bytes) as WireSubmit, p);
          }
          return no('not-found', 'there is no such task');
        },
      );
    }
  }

  #submit(command: WireSubmit, partition: number): Reply<unknown> {
    this.submitted.push({ ...fromWire(command), partition });
    return ok({
      ids: command.tasks.map(() => this.id(partition)),
      workflow: command.workflow === null ? null : this.id(partition),
      stream: `tasks-${String(partition)}`,
      seq: 1,
      repeated: false,
    });
  }
}

async function deadLetters(clock: Clock): Promise<DeadLetters> {
  const log = new MemoryLogWorld().open();
  const name = streams.deadLetters;
  await log.ensure([{ name, subject: eventSubject(name), maxBytes: null }]);
  const ignore = (): void => undefined;
  return new DeadLetters({ log, node: 'g1', clock, count: ignore, kept: ignore, failed: ignore });
}
