import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import type { Finding } from './doctor.js';

/** What the keeper of a state directory writes about the servers that it runs. */
interface KeptServer {
  readonly pid: number;
  readonly spec: {
    readonly name: string;
    readonly args: readonly string[];
    readonly port: number;
    readonly logFile: string;
  };
}

/** Looks at the backing servers that a state directory's keeper runs; nothing when there is no keeper. */
export async function localServers(home: string): Promise<Finding[]> {
  const record = await readOrNull(path.join(home, 'run', 'keeper.json'));
  if (record === null) return [];
  const { servers } = JSON.parse(record) as { servers: readonly KeptServer[] };
  const findings = (await Promise.all(servers.map(serverFindings))).flat();
  if (!servers.some((s) => s.spec.name.startsWith('neo4j')) && !process.env['YARD_NEO4J_URL']) {
    findings.push({
      check: 'neo4j',
      level: 'warn',
      detail: 'does not run here: dependency graphs are answered from memory',
      todo: 'install Java 17 or newer and Maven, then start the yard anew: it fetches Neo4j',
    });
  }
  return findings;
}

/** Neo4j takes its time, and the yard works without it until it answers. */
const isStarting = ({ pid, spec }: KeptServer): boolean => spec.name.startsWith('neo4j') && isAlive(pid);

async function serverFindings(server: KeptServer): Promise<Finding[]> {
  const { spec } = server;
  const answer = await greeting(spec.port);
  if (answer === null && isStarting(server))
    return [
      {
        check: spec.name,
        level: 'warn',
        detail: 'is starting; the yard answers for graphs itself until it is up',
        todo: `look again in a moment; ${spec.logFile} says how far it is`,
      },
    ];
  if (answer === null) {
    return [
      {
        check: spec.name,
        level: 'fail',
        detail: `does not answer on port ${spec.port}`,
        todo: `read ${spec.logFile}; the keeper starts it again by itself`,
      },
    ];
  }
  const version = spec.name.startsWith('nats')
    ? natsVersion(answer)
    : spec.name.startsWith('postgres')
      ? await postgresVersion(spec.args)
      : null;
  return [
    { check: spec.name, level: 'ok', detail: `${version ?? 'runs'}, port ${spec.port}` },
    ...(spec.name.startsWith('nats') ? [await brokerDurability(spec.args)] : []),
    ...(spec.args.some((arg) => /^fsync=(off|false|0)$/.test(arg))
      ? [
          {
            check: `${spec.name} durability`,
            level: 'warn' as const,
            detail: 'does not sync: a power cut costs its tables, which are built again from the log',
          },
        ]
      : []),
  ];
}

async function brokerDurability(args: readonly string[]): Promise<Finding> {
  const config = await readOrNull(args[args.indexOf('-c') + 1] ?? '');
  const setting = /sync_interval:\s*"?([a-z0-9]+)/.exec(config ?? '')?.[1] ?? null;
  if (setting === 'always')
    return {
      check: 'durability',
      level: 'ok',
      detail: 'the log syncs every message to the disk before it is acknowledged (sync_interval: always)',
    };
  return {
    check: 'durability',
    level: 'warn',
    detail: `the log has sync_interval ${setting ?? 'unset'}: a power cut loses acknowledged work`,
    todo: 'set `sync_interval: always` in the jetstream block of nats-server',
  };
}

function natsVersion(hello: string): string | null {
  const version = /"version":"([^"]+)"/.exec(hello)?.[1];
  return version === undefined ? null : `nats-server ${version}`;
}

async function postgresVersion(args: readonly string[]): Promise<string | null> {
  const made = await readOrNull(path.join(args[args.indexOf('-D') + 1] ?? '', 'PG_VERSION'));
  return made === null ? null : `Postgres ${made.trim()}`;
}

/** Connects and returns what the server says first within a moment ('' when it waits for us), or null when nothing listens. */
function greeting(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let isOpen = false;
    const end = (answer: string | null): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(500, () => {
      end(isOpen ? '' : null);
    });
    socket.once('connect', () => (isOpen = true));
    socket.once('data', (bytes) => {
      end(bytes.toString('latin1'));
    });
    socket.once('error', () => {
      end(null);
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function readOrNull(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null);
}
