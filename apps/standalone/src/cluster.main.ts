import path from 'node:path';
import { outliveTerminal, resolveConfig } from '@yardmaster/composition';
import { openServers, type Servers } from '@yardmaster/servers';
import type { YardConfig } from '@yardmaster/service-kit';
import { clusterOptions } from './cluster-options.js';
import { writeContext } from './context-file.js';
import { LocalAgent } from './local-agent.js';
import { agentJoined, readyLines } from './ready.js';
import { ServiceProcesses } from './service-processes.js';
import { freePort, requireFreePort } from './taken-port.js';

const START_PATIENCE_MS = 120_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

interface Ports {
  readonly http: number;
  readonly grpc: number;
}

/** What each service needs to find the servers, the state directory and its place. */
function environment(home: string, servers: Servers, natsServers: 1 | 3): NodeJS.ProcessEnv {
  const { nats, postgres, neo4j } = servers;
  return {
    ...process.env,
    YARD_HOME: home,
    YARD_LOG_LEVEL: process.env['YARD_LOG_LEVEL'] ?? 'warn',
    YARD_NATS_URL: nats.url,
    YARD_NATS_USER: nats.user,
    YARD_NATS_PASSWORD: nats.password,
    YARD_NATS_SYNC: nats.syncAlways ? 'always' : undefined,
    YARD_NATS_REPLICAS: String(natsServers),
    ...(postgres === null ? {} : { YARD_POSTGRES_URL: postgres.url }),
    ...('absent' in neo4j
      ? {}
      : { YARD_NEO4J_URL: neo4j.url, YARD_NEO4J_USER: neo4j.user, YARD_NEO4J_PASSWORD: neo4j.password }),
  };
}

/** Where each gateway listens: the first where the configuration says, others on free ports. */
async function gatewayPorts(config: YardConfig, replicas: number): Promise<Ports[]> {
  const first = {
    http: config.httpPort || (await freePort(config.host)),
    grpc: config.grpcPort || (await freePort(config.host)),
  };
  const all = [first];
  while (all.length < replicas)
    all.push({ http: await freePort(config.host), grpc: await freePort(config.host) });
  return all;
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
  throw new Error('the services did not come up in two minutes; their output above says more');
}

/** The services as separate processes on this machine, against one broker or a cluster of three. */
async function main(): Promise<void> {
  outliveTerminal();
  const { replicas, natsServers, from, levels, restartAfterMs } = clusterOptions(process.argv.slice(2));
  const config = resolveConfig(process.env, 'cluster');
  await requireFreePort(config.host, config.httpPort, 'YARD_HTTP_PORT');
  await requireFreePort(config.host, config.grpcPort, 'YARD_GRPC_PORT');
  const gateways = await gatewayPorts(config, replicas);
  const addressOf = ({ http, grpc }: Ports): { url: string; grpc: string } => ({
    url: `http://${config.host}:${String(http)}`,
    grpc: `${config.host}:${String(grpc)}`,
  });
  const servers = await openServers({ home: config.home, natsServers, onProgress: say });
  const env = environment(config.home, servers, natsServers);
  const services = new ServiceProcesses({
    replicas,
    restartAfterMs,
    from: ({ nth }) => (nth === 1 ? from : null),
    env: ({ service, nth }) => {
      const level = levels[nth - 1];
      const own = level === undefined ? env : { ...env, YARD_FEATURE_LEVEL: String(level) };
      const ports = gateways[nth - 1];
      if (service !== 'gateway' || ports === undefined) return own;
      return { ...own, YARD_HTTP_PORT: String(ports.http), YARD_GRPC_PORT: String(ports.grpc) };
    },
    onEnded: ({ service, node }, how) => {
      say(`${node} ended (${how})${restartAfterMs === Infinity ? '' : '; starting it again'}`);
      // The command line, the agent and the SDK find the yard by this file: it names a gateway that is up.
      const other = gateways.find((_, i) => services.isUp('gateway', i + 1));
      if (service === 'gateway' && other !== undefined) writeContext(config.home, addressOf(other));
    },
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
    const [first, ...others] = gateways.map(addressOf);
    if (first === undefined) throw new Error('there is no gateway');
    const { url, grpc } = first;
    await answers(url);
    writeContext(config.home, first);
    agent.start();
    if (!(await agentJoined(url, config.home)))
      say(`the agent has not joined; see ${path.join(config.home, 'agent', 'agent.log')}`);
    if (others.length > 0) say(`more gateways: ${others.map((other) => other.url).join('  ')}`);
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
