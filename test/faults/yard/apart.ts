import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SERVICES } from '@yardmaster/contracts';
import { openServers } from '@yardmaster/servers';
import { until } from '../tools/until.js';
import { ROOT } from '../../e2e/start-yard.js';
import type { Needs } from '../fault.js';
import type { Prepared } from '../tools/prepare.js';
import { TcpProxy, withoutOthers } from '../tools/tcp-proxy.js';
import { agentChild } from './agent-child.js';
import { Child } from './child.js';
import { freePort } from './free-port.js';
import { KeptServers } from './kept-servers.js';
import type { Places } from './places.js';
import { clientOf, clusterOf, PATIENCE_MS, untilWhole } from './wholeness.js';
import type { YardUnderTest } from './yard-under-test.js';

const REPLICAS = [1, 2];

/** Two of every service as processes that nobody but the fault run starts again, and three nats-servers. */
export async function startApart(
  places: Places,
  needs: Needs,
  { disks, clocks }: Prepared,
): Promise<YardUnderTest> {
  const { home } = places;
  const opened = await openServers({
    home,
    natsServers: 3,
    wants: { neo4j: needs.neo4j ?? false },
    graceMs: 20_000,
  });
  if (!('absent' in opened.neo4j)) await opened.neo4j.ready;
  const servers = new KeptServers(home);
  const proxies = await proxiesOf(servers, needs.proxied ?? []);
  const env = environment(home, servers, proxies, needs);
  const gateways = await Promise.all(
    REPLICAS.map(async () => ({ http: await freePort(), grpc: await freePort() })),
  );
  const nodes = new Map<string, Child>();
  for (const service of SERVICES)
    for (const nth of REPLICAS) {
      const name = `${service}-${String(nth)}`;
      const ports = service === 'gateway' ? gateways[nth - 1] : undefined;
      const own = Object.entries(needs.env ?? {}).filter(([prefix]) => name.startsWith(prefix));
      nodes.set(
        name,
        new Child({
          name,
          args: ['--enable-source-maps', path.join(ROOT, 'apps', service, 'dist/main.js')],
          env: {
            ...env,
            YARD_NODE: name,
            ...(ports === undefined
              ? {}
              : { YARD_HTTP_PORT: String(ports.http), YARD_GRPC_PORT: String(ports.grpc) }),
            ...Object.assign({}, ...own.map(([, more]) => more)),
            ...clocks.get(name)?.env,
          },
          output: path.join(places.output, `${name}.log`),
        }),
      );
    }
  const urls = gateways.map(({ http }) => `http://127.0.0.1:${String(http)}`);
  for (const node of nodes.values()) node.start();
  await untilReady(urls);
  writeFileSync(
    path.join(home, 'context.json'),
    JSON.stringify({
      url: urls[0],
      grpc: `127.0.0.1:${String(gateways[0]?.grpc)}`,
      tenant: 'default',
      tokenFile: 'operator.token',
    }),
    { mode: 0o600 },
  );
  const token = readFileSync(path.join(home, 'operator.token'), 'utf8').trim();
  const clients = urls.map((url) => clientOf(url, token));
  const agent = agentChild(places, needs.agentEnv);
  agent.start();
  const yard: YardUnderTest = {
    home,
    urls,
    token,
    replicas: 3,
    servers,
    nodes,
    agent,
    proxies,
    disks,
    clocks,
    client: clients[0]!,
    cluster: () => clusterOf(clients),
    whole: async () => {
      for (const node of nodes.values()) node.start();
      agent.start();
      await untilWhole(clients, { nodes: nodes.size, agents: 1 });
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await agent.stop(15_000);
      await Promise.all([...nodes.values()].map((node) => node.stop()));
      for (const proxy of proxies.values()) proxy.close();
      await opened.close();
    },
  };
  await yard.whole();
  return yard;
}

async function proxiesOf(
  servers: KeptServers,
  proxied: readonly ('nats' | 'postgres')[],
): Promise<Map<string, TcpProxy>> {
  const names = proxied.flatMap((name) => (name === 'nats' ? servers.brokers() : [name]));
  const proxies = new Map<string, TcpProxy>();
  for (const name of names) {
    const told = name.startsWith('nats') ? withoutOthers : undefined;
    proxies.set(name, await TcpProxy.to(() => servers.port(name), told));
  }
  return proxies;
}

function environment(
  home: string,
  servers: KeptServers,
  proxies: ReadonlyMap<string, TcpProxy>,
  { neo4j = false }: Needs,
): NodeJS.ProcessEnv {
  const at = (name: string): string => String(proxies.get(name)?.port ?? servers.port(name));
  const cache = path.join(home, '..', 'compiled');
  mkdirSync(cache, { recursive: true });
  return {
    ...process.env,
    // Two dozen processes read the same modules on a small machine.
    NODE_COMPILE_CACHE: cache,
    YARD_HOME: home,
    YARD_LOG_LEVEL: 'warn',
    YARD_NATS_URL: servers
      .brokers()
      .map((name) => `nats://127.0.0.1:${at(name)}`)
      .join(','),
    YARD_NATS_USER: 'yard',
    YARD_NATS_PASSWORD: servers.secret('nats'),
    YARD_NATS_SYNC: 'always',
    YARD_NATS_REPLICAS: '3',
    YARD_POSTGRES_URL: servers.postgresUrl().replace(String(servers.port('postgres')), at('postgres')),
    ...(neo4j
      ? {
          YARD_NEO4J_URL: `bolt://127.0.0.1:${String(servers.port('neo4j'))}`,
          YARD_NEO4J_USER: 'neo4j',
          YARD_NEO4J_PASSWORD: servers.secret('neo4j'),
        }
      : {}),
  };
}

async function untilReady(urls: readonly string[]): Promise<void> {
  await until(
    'the gateways',
    async () => {
      const answers = await Promise.all(
        urls.map((url) =>
          fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) }).then(
            ({ ok }) => ok,
            () => false,
          ),
        ),
      );
      return answers.every(Boolean);
    },
    { withinMs: PATIENCE_MS, everyMs: 200 },
  );
}
