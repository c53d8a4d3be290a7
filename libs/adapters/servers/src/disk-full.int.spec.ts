import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterEach, describe, expect, it } from 'vitest';
import { openServers, type Servers } from './open-servers.js';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a broker whose disk was full', () => {
  // A small disk is a file system in memory.
  it.skipIf(!canMount())(
    'is started again once there is room, as it stores nothing by itself any more',
    { timeout: 60_000 },
    async () => {
      const { servers, store, said } = await openOnSmallDisk();
      const { url, user, password } = servers.nats;
      const nats = await connect({ servers: url, user: user!, pass: password!, maxReconnectAttempts: -1 });
      cleanups.push(() => nats.close());
      await (await jetstreamManager(nats)).streams.add({ name: 'log', subjects: ['log'] });
      const js = jetstream(nats, { timeout: 1_000 });
      const stores = (): Promise<boolean> =>
        js.publish('log', new Uint8Array(100_000)).then(
          () => true,
          () => false,
        );
      expect(await stores()).toBe(true);
      const ballast = path.join(store, 'ballast');
      fill(store, ballast);
      await expect.poll(stores, { timeout: 20_000 }).toBe(false);
      rmSync(ballast);
      // Room alone is no cure.
      expect(await stores()).toBe(false);
      await expect.poll(stores, { timeout: 30_000 }).toBe(true);
      expect(said.join('\n')).toMatch(/nats stored nothing any more \(.*\): it is started again/);
    },
  );
});

async function openOnSmallDisk(): Promise<{
  readonly servers: Servers;
  readonly store: string;
  readonly said: readonly string[];
}> {
  const home = mkdtempSync(path.join(tmpdir(), 'yard-servers-'));
  cleanups.push(() => {
    rmSync(home, { recursive: true, force: true });
  });
  const store = path.join(home, 'nats', 'store');
  mkdirSync(store, { recursive: true, mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=0700', 'tmpfs', store]);
  cleanups.push(() => execFileSync('umount', ['-l', store]));
  const said: string[] = [];
  const servers = await openServers({
    home,
    graceMs: 5_000,
    isThrowaway: true,
    wants: { postgres: false, neo4j: false },
    onProgress: (line) => said.push(line),
  });
  cleanups.push(() => servers.close());
  return { servers, store, said };
}

function fill(directory: string, ballast: string): void {
  const { bavail, bsize } = statfsSync(directory);
  try {
    writeFileSync(ballast, Buffer.alloc(bavail * bsize, 1));
  } catch {
    // Full is full.
  }
}

/** Root in a container may mount nothing: CAP_SYS_ADMIN is bit 21. */
function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const effective = /CapEff:\s+([0-9a-f]+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> 21n) & 1n) === 1n;
}
