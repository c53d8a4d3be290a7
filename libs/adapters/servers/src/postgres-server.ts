import { chownSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import type { ServerSpec } from './keeper-protocol.js';
import { endOrphans } from './orphans.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { privateDirectory, writePrivateFile, type Secrets } from './private-files.js';
import { lastWords, plainEnvironment, runTool, type Progress } from './run-tool.js';
import { ServerUnavailable } from './server-errors.js';
import type { Unprivileged } from './unprivileged.js';

export const POSTGRES = 'postgres';
export const POSTGRES_USER = 'yard';
export const POSTGRES_DATABASE = 'yard';

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '96MB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  effective_cache_size: '512MB',
  // One machine, small reads: worker processes for I/O cost more memory than they bring.
  io_method: 'sync',
  jit: 'off',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  data_sync_retry: 'off',
  max_wal_size: '512MB',
  wal_compression: 'on',
  statement_timeout: '5min',
  lock_timeout: '10s',
  idle_in_transaction_session_timeout: '60s',
  tcp_keepalives_idle: '30',
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '3',
  autovacuum_naptime: '15s',
  autovacuum_vacuum_scale_factor: '0.05',
  autovacuum_analyze_scale_factor: '0.05',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};
/** For tests only: what is written there is thrown away anyway. */
const THROWAWAY: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '32MB',
};

export interface PostgresOptions {
  readonly home: string;
  readonly binaries: PostgresBinaries;
  readonly runAs: Unprivileged;
  readonly secrets: Secrets;
  readonly port: number;
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: Progress;
  readonly signal: AbortSignal;
  readonly isThrowaway: boolean;
}

/** Makes the database directory at the first start, and says how to run it. */
export async function postgresSpec(options: PostgresOptions): Promise<ServerSpec> {
  const { home, binaries, runAs, port, env } = options;
  const directory = runAs.directory(home);
  await endOrphans('postgres', directory, 'SIGINT');
  // No server runs on it now; the file may name a process id that something else has been given since.
  rmSync(path.join(directory, 'postmaster.pid'), { force: true });
  if (!existsSync(path.join(directory, 'PG_VERSION'))) await initialise(options, directory);
  requireSameVersion(directory, binaries);
  const settings = { ...SETTINGS, ...(options.isThrowaway ? THROWAWAY : {}), port: String(port) };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command, ...prefix] = [...runAs.prefix, binaries.postgres];
  return {
    name: POSTGRES,
    command: command,
    args: [...prefix, '-D', directory, ...args],
    env: plainEnvironment(env),
    logFile: path.join(privateDirectory(home, 'logs'), 'postgres.log'),
    port,
    stopSignal: 'SIGINT',
    stopPatienceMs: 20_000,
  };
}

export function postgresUrl(port: number, secrets: Secrets, database = POSTGRES_DATABASE): string {
  return `postgres://${POSTGRES_USER}:${secrets.postgres}@127.0.0.1:${port}/${database}`;
}

/** True when it answers queries; makes the yard's database when that is missing. */
export async function isPostgresReady(port: number, secrets: Secrets): Promise<boolean> {
  const answer = await query(postgresUrl(port, secrets), 'select 1');
  if (answer === 'ok') return true;
  if (answer !== '3D000') return false;
  return (
    (await query(postgresUrl(port, secrets, 'postgres'), `create database ${POSTGRES_DATABASE}`)) === 'ok'
  );
}

/** @throws ServerUnavailable when the database that the operator runs does not answer */
export async function requirePostgres(url: string): Promise<void> {
  const answer = await query(url, 'select 1');
  if (answer === 'ok') return;
  throw new ServerUnavailable(
    `the database at YARD_POSTGRES_URL (${new URL(url).host}) does not answer: ${answer}`,
  );
}

async function query(connectionString: string, text: string): Promise<'ok' | (string & {})> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query(text);
    return 'ok';
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).message;
  } finally {
    await client.end().catch(() => {});
  }
}

async function initialise(options: PostgresOptions, directory: string): Promise<void> {
  const { binaries, runAs, secrets, home, env, onProgress, signal } = options;
  const draft = `${directory}.new`;
  rmSync(draft, { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
  privateDirectory(draft);
  const passwordFile = path.join(
    runAs.uid === undefined ? home : path.dirname(directory),
    'postgres.password',
  );
  writePrivateFile(passwordFile, `${secrets.postgres}\n`);
  if (runAs.uid !== undefined && runAs.gid !== undefined) {
    for (const made of [draft, passwordFile]) chownSync(made, runAs.uid, runAs.gid);
  }
  onProgress(`making the Postgres ${binaries.majorVersion} database (about 40 MB, a few seconds)`);
  const args = [
    binaries.initdb,
    `--pgdata=${draft}`,
    `--username=${POSTGRES_USER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--data-checksums',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-instructions',
    ...(options.isThrowaway ? ['--no-sync'] : []),
  ];
  const [command, ...rest] = [...runAs.prefix, ...args];
  const { code, output } = await runTool(command!, rest, { env: plainEnvironment(env), cwd: '/', signal });
  rmSync(passwordFile, { force: true });
  if (code !== 0) throw new ServerUnavailable(`Postgres cannot make its database: ${lastWords(output, 3)}`);
  renameSync(draft, directory);
}

function requireSameVersion(directory: string, { majorVersion }: PostgresBinaries): void {
  const made = readFileSync(path.join(directory, 'PG_VERSION'), 'utf8').trim();
  if (made === majorVersion) return;
  throw new ServerUnavailable(
    `${directory} was made by Postgres ${made}, and this is ${majorVersion}: delete that directory, it is built again from the log`,
  );
}
