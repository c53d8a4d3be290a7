import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import neo4j from 'neo4j-driver';
import type { ServerSpec } from './keeper-protocol.js';
import type { Neo4jTools } from './neo4j-jars.js';
import { endOrphans } from './orphans.js';
import { privateDirectory, writePrivateFile, type Secrets } from './private-files.js';
import { plainEnvironment } from './run-tool.js';

export const NEO4J = 'neo4j';
export const NEO4J_USER = 'neo4j';

const HEAP = ['-Xms64m', '-Xmx512m'];
const OPENED = [
  'java.base/java.nio',
  'java.base/java.io',
  'java.base/sun.nio.ch',
  'java.base/java.util.concurrent',
];

/** Writes the configuration and, before its first start, the password; says how to run it on `port`. */
export async function neo4jSpec(
  home: string,
  tools: Neo4jTools,
  secrets: Secrets,
  port: number,
  env: NodeJS.ProcessEnv,
): Promise<ServerSpec> {
  const directory = privateDirectory(home, 'neo4j');
  const configuration = privateDirectory(directory, 'conf');
  await endOrphans('java', `--home-dir=${directory}`, 'SIGTERM');
  writePrivateFile(path.join(configuration, 'neo4j.conf'), neo4jConfig(port));
  if (!existsSync(path.join(directory, 'data', 'databases', 'system'))) {
    const dbms = privateDirectory(directory, 'data', 'dbms');
    writePrivateFile(path.join(dbms, 'auth.ini'), firstPassword(secrets.neo4j));
  }
  return {
    name: NEO4J,
    command: tools.java,
    args: [
      ...HEAP,
      '-XX:+UseSerialGC',
      // Of a yard on one machine the optimising compiler takes more of the processor than it ever gives back.
      '-XX:TieredStopAtLevel=1',
      '-XX:+ExitOnOutOfMemoryError',
      '-Dfile.encoding=UTF-8',
      ...OPENED.map((opened) => `--add-opens=${opened}=ALL-UNNAMED`),
      '-cp',
      path.join(tools.jars, '*'),
      'org.neo4j.server.CommunityEntryPoint',
      `--home-dir=${directory}`,
      `--config-dir=${configuration}`,
    ],
    env: plainEnvironment(env),
    logFile: path.join(privateDirectory(home, 'logs'), 'neo4j.log'),
    port,
    stopSignal: 'SIGTERM',
    stopPatienceMs: 20_000,
  };
}

/**
 * The last four: with its databases closed after 0.2 s, the server would else wait 10 s more for Bolt
 * connections that are gone.
 */
function neo4jConfig(port: number): string {
  return `server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:${port}
server.http.enabled=false
server.https.enabled=false
server.memory.pagecache.size=128m
dbms.security.auth_enabled=true
dbms.usage_report.enabled=false
db.logs.query.enabled=OFF
db.tx_log.preallocate=false
db.tx_log.rotation.size=32M
db.tx_log.rotation.retention_policy=64M size
internal.dbms.bolt.netty_server_shutdown_quiet_period=0
internal.dbms.bolt.netty_server_shutdown_timeout=2
internal.server.bolt.connection_shutdown_wait_time=200ms
internal.server.bolt.thread_pool_shutdown_wait_time=200ms
`;
}

/**
 * The file that the server reads its first user from. Its own command for this would take the password as an
 * argument, for all local users to see.
 */
function firstPassword(password: string): string {
  const iterations = 1024;
  const salt = randomBytes(32);
  let digest = createHash('sha256').update(salt).update(password).digest();
  for (let i = 1; i < iterations; i++) digest = createHash('sha256').update(digest).digest();
  return `${NEO4J_USER}:SHA-256,${digest.toString('hex')},${salt.toString('hex')},${iterations}:\n`;
}

export interface Neo4jAccess {
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

/** @throws when it does not answer, or refuses the password */
export async function tryNeo4j({ url, user, password }: Neo4jAccess): Promise<void> {
  const driver = neo4j.driver(url, neo4j.auth.basic(user, password), {
    connectionAcquisitionTimeout: 3_000,
    connectionTimeout: 3_000,
    // Whoever asks tries again by itself; the driver would go on for half a minute, also after a close.
    maxTransactionRetryTime: 0,
  });
  try {
    await driver.executeQuery('RETURN 1', {}, { database: 'neo4j' });
  } finally {
    await driver.close();
  }
}
