import { statfsSync } from 'node:fs';
import path from 'node:path';
import type { ServerSpec } from './keeper-protocol.js';
import type { NatsBinary } from './nats-binary.js';
import { endOrphans } from './orphans.js';
import { privateDirectory, readJson, writePrivateFile, type Secrets } from './private-files.js';
import { plainEnvironment } from './run-tool.js';
import { greeting } from './tcp.js';

export const NATS = 'nats';
export const NATS_USER = 'yard';
export const NATS_SYSTEM_USER = 'system';
const GIB = 1024 ** 3;

/** One of three servers that hold the streams together. */
export interface NatsMember {
  /** 1 to 3. */
  readonly nth: number;
  /** Where the three speak to each other, in order. */
  readonly clusterPorts: readonly number[];
}

/** What a server is called and where it keeps its things; a server alone has other ones than one of three. */
export function natsName(member: NatsMember | null): string {
  return member === null ? NATS : `${NATS}-${String(member.nth)}`;
}

/** Writes the configuration of this home's broker, or of one of its three, and says how to run it on `port`. */
export async function natsSpec(
  home: string,
  binary: NatsBinary,
  secrets: Secrets,
  port: number,
  env: NodeJS.ProcessEnv,
  member: NatsMember | null = null,
): Promise<ServerSpec> {
  const name = natsName(member);
  const directory = privateDirectory(home, name);
  const config = path.join(directory, 'nats-server.conf');
  const store = path.join(directory, 'store');
  await endOrphans(path.basename(binary.file), config, 'SIGTERM');
  writePrivateFile(config, natsConfig(store, secrets, port, fileStoreLimit(directory, member), member));
  return {
    name,
    command: binary.file,
    args: ['-c', config],
    env: plainEnvironment(env),
    logFile: path.join(privateDirectory(home, 'logs'), `${name}.log`),
    port,
    stopSignal: 'SIGTERM',
    stopPatienceMs: 10_000,
    health: { user: NATS_SYSTEM_USER, password: secrets.natsSystem, store },
  };
}

/**
 * One account for the yard and one for the system, so that the settings in force can be read back. Every
 * stored message is synced before it is acknowledged: the default (every two minutes) loses acknowledged
 * messages when the power goes.
 */
function natsConfig(
  store: string,
  secrets: Secrets,
  port: number,
  maxFileStore: number,
  member: NatsMember | null,
): string {
  return `server_name: ${member === null ? 'yard' : `yard-${String(member.nth)}`}
listen: "127.0.0.1:${port}"
max_payload: 1MB
write_deadline: "10s"
jetstream {
  store_dir: ${JSON.stringify(store)}
  sync_interval: always
  max_file_store: ${maxFileStore}
  max_memory_store: ${256 * 1024 * 1024}
}
accounts {
  YARD {
    jetstream: enabled
    users: [{ user: ${NATS_USER}, password: ${JSON.stringify(secrets.nats)} }]
  }
  SYS {
    users: [{ user: ${NATS_SYSTEM_USER}, password: ${JSON.stringify(secrets.natsSystem)} }]
  }
}
system_account: SYS
${member === null ? '' : clusterConfig(member, secrets)}`;
}

function clusterConfig({ nth, clusterPorts }: NatsMember, secrets: Secrets): string {
  const password = encodeURIComponent(secrets.natsSystem);
  const routes = clusterPorts.map((port) => `"nats://route:${password}@127.0.0.1:${String(port)}"`);
  return `cluster {
  name: yard
  listen: "127.0.0.1:${String(clusterPorts[nth - 1])}"
  authorization { user: route, password: ${JSON.stringify(secrets.natsSystem)} }
  routes: [${routes.join(', ')}]
}
`;
}

/**
 * Streams reserve their share of this limit when they are created, so it must not shrink later: it is chosen
 * once per home, as three quarters of what the disk had free then.
 */
function fileStoreLimit(directory: string, member: NatsMember | null): number {
  const file = path.join(directory, 'store-limit.json');
  const chosen = (readJson(file) as { bytes?: number } | undefined)?.bytes;
  if (chosen) return chosen;
  const { bavail, bsize } = statfsSync(directory);
  const bytes = Math.max(1 * GIB, Math.floor((bavail * bsize * (member === null ? 0.75 : 0.25)) / GIB) * GIB);
  writePrivateFile(file, `${JSON.stringify({ bytes })}\n`);
  return bytes;
}

/** The broker greets each connection with its description, once its streams are recovered. */
export async function natsVersionAt(port: number): Promise<string | undefined> {
  const hello = await greeting('127.0.0.1', port, 1_000);
  const json = hello?.startsWith('INFO ') ? hello.slice(5, hello.indexOf('\r\n')) : undefined;
  if (!json) return undefined;
  const info = JSON.parse(json) as { version: string; jetstream?: boolean };
  return info.jetstream ? info.version : undefined;
}
