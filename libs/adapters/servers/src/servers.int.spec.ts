import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from '@nats-io/transport-node';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { keeperRecordFile, type KeeperRecord, type KeptServer } from './keeper-protocol.js';
import { openServers, type OpenServersOptions, type Servers } from './open-servers.js';
import { isRunning, processRef, type ProcessRef } from './process-ref.js';
import { YardAlreadyRunning } from './server-errors.js';

const homes: string[] = [];
const open: Servers[] = [];

afterEach(async () => {
  for (const servers of open.splice(0)) await servers.close();
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true });
});

describe('the keeper and its servers', () => {
  it('says goodbye and leaves no process behind', async () => {
    const home = newHome();
    const servers = await start(home);
    const record = recordOf(home);
    expect(record.servers.map((server) => server.spec.name).sort()).toEqual(['nats', 'postgres']);
    await servers.close();
    expect([record, ...record.servers].filter(isRunning)).toEqual([]);
  });

  it('refuses a second yard and names the process that holds the home', async () => {
    const home = newHome();
    await start(home, { wants: BROKER_ONLY });
    await expect(start(home, { wants: BROKER_ONLY })).rejects.toThrow(YardAlreadyRunning);
    await expect(start(home, { wants: BROKER_ONLY })).rejects.toThrow(
      new RegExp(`process ${process.pid}\\b`),
    );
  });

  it('lets a new yard have the running servers when the last one left without goodbye', async () => {
    const home = newHome();
    const first = await start(home);
    const before = recordOf(home);
    first.release();
    const second = await start(home);
    expect(second.keeper).toEqual({ pid: first.keeper.pid, adopted: true });
    expect(second.nats.url).toBe(first.nats.url);
    expect(pidsOf(recordOf(home))).toEqual(pidsOf(before));
  });

  it('stops the servers when nobody comes back within the grace time', async () => {
    const home = newHome();
    const servers = await start(home, { graceMs: 300, wants: BROKER_ONLY });
    const record = recordOf(home);
    servers.release();
    await until(() => ![record, ...record.servers].some(isRunning));
  });

  it('starts a killed server again on its port, and what was acknowledged is still there', async () => {
    const home = newHome();
    const servers = await start(home);
    await query(servers, 'create table kept (n int)');
    await query(servers, 'insert into kept values (7)');
    for (const kept of recordOf(home).servers) kill(kept);
    await until(() => recordOf(home).servers.length === 2);
    await until(async () => (await query(servers, 'select n from kept').catch(() => []))[0]?.n === 7);
    await until(() => canTalk(servers));
  });

  it('replaces a killed keeper without stopping a server', async () => {
    const home = newHome();
    const servers = await start(home);
    const before = recordOf(home);
    kill(before);
    await until(() => servers.keeper.pid !== before.pid);
    expect(pidsOf(recordOf(home))).toEqual(pidsOf(before));
    expect(await canTalk(servers)).toBe(true);
    const after = recordOf(home);
    await servers.close();
    expect([after, ...after.servers].filter(isRunning)).toEqual([]);
  });

  it('starts on the same home after keeper and servers were all killed at once', async () => {
    const home = newHome();
    const first = await start(home);
    await query(first, 'create table kept as select 1 as n');
    const record = recordOf(home);
    first.release();
    for (const victim of [record, ...record.servers]) kill(victim);
    const second = await start(home);
    expect(second.keeper.adopted).toBe(false);
    expect(await query(second, 'select n from kept')).toEqual([{ n: 1 }]);
    expect(await canTalk(second)).toBe(true);
  });

  it('goes past a keeper that was killed while its servers lived on', async () => {
    const home = newHome();
    const first = await start(home);
    const before = recordOf(home);
    first.release();
    kill(before);
    const second = await start(home);
    expect(second.keeper.adopted).toBe(true);
    expect(pidsOf(recordOf(home))).toEqual(pidsOf(before));
  });

  it('keeps passwords and state from other users', async () => {
    const home = newHome();
    const servers = await start(home, { wants: BROKER_ONLY });
    const { url } = servers.nats;
    await expect(connect({ servers: url, maxReconnectAttempts: 0 })).rejects.toThrow();
    for (const file of ['servers.secret.json', 'nats/nats-server.conf', 'run/keeper.json']) {
      expect(statSync(path.join(home, file)).mode & 0o077).toBe(0);
    }
  });

  it('leaves nothing behind when it is interrupted while it opens', async () => {
    const home = newHome();
    const interrupt = new AbortController();
    const opening = start(home, { signal: interrupt.signal });
    await until(() => existsSync(keeperRecordFile(home)));
    const keeper = recordOf(home);
    interrupt.abort(new Error('interrupted'));
    await expect(opening).rejects.toThrow();
    expect(isRunning(keeper)).toBe(false);
  });

  it('says that the broker syncs every message', async () => {
    const servers = await start(newHome(), { wants: BROKER_ONLY });
    expect(servers.nats).toMatchObject({ syncAlways: true, durability: 'always' });
  });
});

describe('a broker that somebody else runs', () => {
  it('is used when its system account shows that every message is synced', async () => {
    const host = await start(newHome(), { wants: BROKER_ONLY });
    const secrets = JSON.parse(readFileSync(path.join(homes[0]!, 'servers.secret.json'), 'utf8')) as Record<
      string,
      string
    >;
    const address = host.nats.url.replace('://', `://${host.nats.user}:${host.nats.password}@`);
    const system = host.nats.url.replace('://', `://system:${secrets['natsSystem']}@`);
    const env = { ...process.env, YARD_NATS_URL: address };
    await expect(start(newHome(), { wants: BROKER_ONLY, env })).rejects.toThrow(/not known to sync/);
    const unverified = await start(newHome(), {
      wants: BROKER_ONLY,
      env: { ...env, YARD_DURABILITY: 'unverified' },
    });
    expect(unverified.nats).toMatchObject({ syncAlways: false, durability: 'unverified' });
    const verified = await start(newHome(), {
      wants: BROKER_ONLY,
      env: { ...env, YARD_NATS_SYSTEM_URL: system },
    });
    expect(verified.nats).toMatchObject({ url: host.nats.url, syncAlways: true, durability: 'always' });
  });

  it('is refused in one line when it does not answer', async () => {
    const env = { ...process.env, YARD_NATS_URL: 'nats://127.0.0.1:1' };
    await expect(start(newHome(), { wants: BROKER_ONLY, env })).rejects.toThrow(
      /YARD_NATS_URL .* does not answer/,
    );
  });
});

const BROKER_ONLY = { postgres: false, neo4j: false };

async function start(home: string, options: Partial<OpenServersOptions> = {}): Promise<Servers> {
  const wants = { postgres: true, neo4j: false };
  const servers = await openServers({ graceMs: 5_000, isThrowaway: true, wants, ...options, home });
  open.push(servers);
  return servers;
}

function newHome(): string {
  const home = mkdtempSync(path.join(tmpdir(), 'yard-servers-'));
  homes.push(home);
  return home;
}

function recordOf(home: string): KeeperRecord {
  return JSON.parse(readFileSync(keeperRecordFile(home), 'utf8')) as KeeperRecord;
}

function pidsOf(record: { servers: readonly KeptServer[] }): Record<string, number> {
  return Object.fromEntries(record.servers.map((server) => [server.spec.name, server.pid]));
}

/** Only ever a process that this test has started. */
function kill(ref: ProcessRef): void {
  if (processRef(ref.pid)?.started === ref.started) process.kill(ref.pid, 'SIGKILL');
}

async function query(servers: Servers, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: servers.postgres!.url });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end().catch(() => {});
  }
}

async function canTalk({ nats: { url, user, password } }: Servers): Promise<boolean> {
  const nats = await connect({ servers: url, user: user!, pass: password!, maxReconnectAttempts: 0 }).catch(
    () => undefined,
  );
  if (!nats) return false;
  const reply = await nats.request('$JS.API.INFO', '', { timeout: 2_000 });
  await nats.close();
  return reply.json<{ streams: number }>().streams >= 0;
}

/** Polls, for things that end in other processes: they give no signal to wait for. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(isSo, { timeout: 20_000, interval: 25 }).toBe(true);
}
