import { roleFolds } from '@yardmaster/contracts';
import type { TenantKeystore } from '@yardmaster/ports';
import { restore, RoleRunner, Snapshotter, SnapshotLoader, type Role } from '@yardmaster/service-kit';
import { MemorySnapshotStore } from '@yardmaster/testkit';
import { servicesOf } from './services.js';
import type { World } from './world.js';

const KEY = new Uint8Array(32).fill(7);
export const keystore: TenantKeystore = { keyOf: () => KEY };

/** What takes the snapshots of a world, into `store`. */
export function snapshotterOf(
  world: World,
  store: MemorySnapshotStore,
  ignored: string[] = [],
  { everyMessages = 1, settledMs = 0 } = {},
): Snapshotter {
  return new Snapshotter({
    log: world.read(),
    keystore,
    store,
    clock: { now: () => world.clock.now(), monotonic: () => performance.now() * 1_000_000 },
    folds: roleFolds(world.partitions),
    everyMessages,
    settledMs,
    onIgnored: (role, name, reason) => {
      ignored.push(`${role} ${name} ${reason}`);
    },
  });
}

/** Every role, folded up to the ends of the log: from its snapshot where there is one. */
export async function foldedRoles(
  world: World,
  store: MemorySnapshotStore | null,
  ignored: string[] = [],
): Promise<{ readonly roles: Role[]; readonly resumed: number; readonly runners: RoleRunner[] }> {
  const log = world.read();
  const heads = new Map<string, number>();
  for (const stream of world.streams) heads.set(stream, (await log.head(stream)).last);
  const { partitions, bus, clock } = world;
  const offers = servicesOf({ partitions, firstKeys: [], count: () => undefined }, { clock, bus });
  const roles = offers.flatMap((of) => [...of.values()].map((make) => make()));
  const loader = new SnapshotLoader({
    store: store ?? new MemorySnapshotStore(),
    log,
    keystore,
    onIgnored: (role, name, reason) => {
      ignored.push(`${role} ${name} ${reason}`);
    },
  });
  let resumed = 0;
  const runners: RoleRunner[] = [];
  for (const role of roles) {
    const runner = new RoleRunner(role);
    if ((await loader.load(runner, heads)) === 'resumed') resumed++;
    await restore(runner, log, keystore, heads);
    runners.push(runner);
  }
  return { roles, resumed, runners };
}
