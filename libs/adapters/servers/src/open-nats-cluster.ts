import { existsSync } from 'node:fs';
import path from 'node:path';
import { provideNats } from './nats-binary.js';
import type { NatsAccess } from './nats-external.js';
import { NATS, NATS_USER, natsName, natsSpec, natsVersionAt, type NatsMember } from './nats-server.js';
import { running, type OpeningContext } from './opening.js';
import { ServerUnavailable } from './server-errors.js';
import { freePort } from './tcp.js';

/** The brokers of a state directory stay as many as they were: one cannot read what three hold, nor the other way round. */
export function requireNatsServers(home: string, count: 1 | 3): void {
  const was = existsSync(path.join(home, natsName(MEMBERS[0])))
    ? 3
    : existsSync(path.join(home, NATS))
      ? 1
      : count;
  if (was === count) return;
  throw new ServerUnavailable(
    `the log in ${home} is held by ${String(was)} nats-server(s), not ${String(count)}: start it with --nats ${String(was)}, or give another YARD_HOME`,
  );
}

const MEMBERS = [1, 2, 3].map((nth) => ({ nth, clusterPorts: [] })) as unknown as readonly [NatsMember];

/** Three servers on this machine that hold every stream together. */
export async function openNatsCluster(context: OpeningContext): Promise<NatsAccess> {
  const { home, env, secrets, keeper } = context;
  const names = MEMBERS.map(natsName);
  // They know each other by ports that were chosen together: all of an earlier yard's, or none.
  if (!names.every((name) => context.portOf(name) !== undefined))
    await Promise.all(names.map((name) => keeper.stop(name)));
  const binary = await provideNats(context);
  const clusterPorts = [await freePort(), await freePort(), await freePort()];
  let version = '';
  const isReady = async (port: number): Promise<boolean> =>
    (version = (await natsVersionAt(port)) ?? '') !== '';
  const ports = await Promise.all(
    names.map((name, i) =>
      running(context, name, isReady, () =>
        Promise.resolve((port: number) =>
          natsSpec(home, binary, secrets, port, env, { nth: i + 1, clusterPorts }),
        ),
      ),
    ),
  );
  return {
    url: ports.map((port) => `nats://127.0.0.1:${String(port)}`).join(','),
    user: NATS_USER,
    password: secrets.nats,
    version,
    syncAlways: true,
    durability: 'always',
  };
}
