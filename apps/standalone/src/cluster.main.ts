import path from 'node:path';
import { resolveConfig } from '@yardmaster/composition';
import { openServers, type Servers } from '@yardmaster/servers';
import { writeContext } from './context-file.js';
import { LocalAgent } from './local-agent.js';
import { agentJoined, readyLines } from './ready.js';
import { ServiceProcesses } from './service-processes.js';
import { freePort, requireFreePort } from './taken-port.js';

const START_PATIENCE_MS = 60_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What each service needs to find the servers, the state directory and its place. */
function environment(
  home: string,
  servers: Servers,
  ports: { http: number; grpc: number },
): NodeJS.ProcessEnv {
  const { nats, postgres, neo4j } = servers;
  return {
    ...process.env,
    YARD_HOME: home,
    YARD_HTTP_PORT: String(ports.http),
    YARD_GRPC_PORT: String(ports.grpc),
    YARD_LOG_LEVEL: process.env['YARD_LOG_LEVEL'] ?? 'warn',
    YARD_NATS_URL: nats.url,
    YARD_NATS_USER: nats.user,
    YARD_NATS_PASSWORD: nats.password,
    YARD_NATS_SYNC: nats.syncAlways ? 'always' : undefined,
    ...(postgres === null ? {} : { YARD_POSTGRES_URL: postgres.url }),
    ...('absent' in neo4j
      ? {}
      : { YARD_NEO4J_URL: neo4j.url, YARD_NEO4J_USER: neo4j.user, YARD_NEO4J_PASSWORD: neo4j.password }),
  };
}

async function answers(url: string): Promise<void> {
  const until = Date.now() + START_PATIENCE_MS;
  while (Date.now() < until) {
    const ok = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) }).then(
      (r) => r.ok,
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the services did not come up in a minute; their output above says more');
}

/** The services as separate processes on this machine, against one broker. */
async function main(): Promise<void> {
  const config = resolveConfig(process.env, 'cluster');
  await requireFreePort(config.host, config.httpPort, 'YARD_HTTP_PORT');
  await requireFreePort(config.host, config.grpcPort, 'YARD_GRPC_PORT');
  const ports = {
    http: config.httpPort || (await freePort(config.host)),
    grpc: config.grpcPort || (await freePort(config.host)),
  };
  const servers = await openServers({ home: config.home, onProgress: say });
  const services = new ServiceProcesses(environment(config.home, servers, ports), (service, how) => {
    say(`${service} ended (${how}); starting it again`);
  });
  const agent = new LocalAgent(config.home);
  let stopping = false;
  const stop = async (code: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    say('stopping');
    await agent.stop();
    await services.stop();
    await servers.close();
    process.exit(code);
  };
  process.on('SIGINT', () => void stop(0));
  process.on('SIGTERM', () => void stop(0));
  try {
    services.start();
    const url = `http://${config.host}:${String(ports.http)}`;
    await answers(url);
    const grpc = `${config.host}:${String(ports.grpc)}`;
    writeContext(config.home, { url, grpc });
    agent.start();
    if (!(await agentJoined(url, config.home)))
      say(`the agent has not joined; see ${path.join(config.home, 'agent', 'agent.log')}`);
    for (const line of readyLines(url, grpc, config.home)) say(line);
  } catch (error) {
    process.stderr.write(`yard: ${error instanceof Error ? error.message : String(error)}\n`);
    await stop(1);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`yard: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
