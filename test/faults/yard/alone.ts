import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../e2e/start-yard.js';
import { killTree } from '../../support/processes.js';
import { until } from '../tools/until.js';
import type { Needs } from '../fault.js';
import type { Prepared } from '../tools/prepare.js';
import { agentChild } from './agent-child.js';
import { Child } from './child.js';
import { freePort } from './free-port.js';
import { KeptServers } from './kept-servers.js';
import type { Places } from './places.js';
import { clientOf, clusterOf, PATIENCE_MS, untilWhole } from './wholeness.js';
import type { YardUnderTest } from './yard-under-test.js';

/** The yard as `npm start` runs it. */
export async function startAlone(
  places: Places,
  needs: Needs,
  { disks, clocks }: Prepared,
): Promise<YardUnderTest> {
  const { home } = places;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const [http, grpc] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${String(http)}`;
  const main = new Child({
    name: 'yard',
    args: [
      '--enable-source-maps',
      '--max-semi-space-size=64',
      path.join(ROOT, 'apps/standalone/dist/main.js'),
      '--no-example',
    ],
    env: {
      ...process.env,
      YARD_URL: undefined,
      YARD_TOKEN: undefined,
      YARD_HOME: home,
      YARD_HTTP_PORT: String(http),
      YARD_GRPC_PORT: String(grpc),
      YARD_LOG_LEVEL: 'warn',
      ...needs.env?.['yard'],
      ...clocks.get('yard')?.env,
      ...needs.agentEnv,
    },
    output: path.join(places.output, 'yard.log'),
  });
  main.start();
  await untilUp(main);
  const token = readFileSync(path.join(home, 'operator.token'), 'utf8').trim();
  const client = clientOf(url, token);
  const agent = agentChild(places, needs.agentEnv);
  agent.adopt(agentPid(home));
  const yard: YardUnderTest = {
    home,
    urls: [url],
    token,
    replicas: 1,
    servers: new KeptServers(home),
    nodes: new Map([['yard', main]]),
    agent,
    proxies: new Map(),
    disks,
    clocks,
    client,
    cluster: () => clusterOf([client]),
    whole: async () => {
      main.start();
      agent.start();
      await untilWhole([client], { nodes: 1, agents: 1 });
    },
    stop: async () => {
      await client.close();
      await agent.stop(15_000);
      await main.stop();
      // An agent that the yard started anew belongs to nobody else.
      await killTree(home);
    },
  };
  await yard.whole();
  return yard;
}

async function untilUp(main: Child): Promise<void> {
  await until(
    'the yard',
    () => {
      if (main.said().includes('yard is up')) return true;
      if (!main.isUp) throw new Error(`the yard ended before it was up:\n${main.said()}`);
      return false;
    },
    { withinMs: PATIENCE_MS, everyMs: 100 },
  );
}

function agentPid(home: string): number {
  const record = JSON.parse(readFileSync(path.join(home, 'run', 'agent.json'), 'utf8')) as { pid: number };
  return record.pid;
}
