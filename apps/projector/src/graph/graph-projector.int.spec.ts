import { MemoryGraph } from '@yardmaster/graph-memory';
import { Neo4jGraph } from '@yardmaster/graph-neo4j';
import type { GraphWriter } from '@yardmaster/ports';
import { startTestServers } from '@yardmaster/servers';
import { CellScript } from '@yardmaster/testkit';
import { afterAll, expect, it } from 'vitest';
import { ScriptedLog, TASK_STREAMS } from '../testing/scripted-log.js';
import { until } from '../testing/until.js';
import { GraphProjector } from './graph-projector.js';

const servers = await startTestServers({ neo4j: true });
afterAll(async () => {
  await servers.close();
});
const { neo4j } = servers;

async function projected(
  log: ScriptedLog,
  open: () => Promise<GraphWriter>,
  closes: boolean,
  isDone: () => Promise<boolean>,
): Promise<void> {
  const projector = new GraphProjector({ log: log.hub(), streams: TASK_STREAMS, open, closes });
  projector.start();
  await until(isDone, 60_000);
  await projector.stop();
}

const name = 'gives the same graph in Neo4j as in memory, and again after it was dropped (I4)';
if ('absent' in neo4j) it.skip(`${name}: ${neo4j.absent}`, () => undefined);
else {
  it(
    name,
    async () => {
      const script = new CellScript();
      for (let i = 0; i < 20; i++) {
        script.life(i % 2, { failures: [], end: 'succeeded' });
        script.chain(i % 2, 10, i % 5 === 0 ? 'failed' : 'succeeded');
      }
      const log = await ScriptedLog.open();
      await log.tell(script);
      const isAtHead = (graph: GraphWriter) => async (): Promise<boolean> => {
        const at = await graph.positions();
        return TASK_STREAMS.every((stream) => at[stream]?.seq === log.heads()[stream]);
      };
      const memory = new MemoryGraph();
      await projected(log, () => Promise.resolve(memory), false, isAtHead(memory));
      const graph = Neo4jGraph.open(neo4j);
      for (let round = 0; round < 2; round++) {
        await projected(log, () => Promise.resolve(Neo4jGraph.open(neo4j)), true, isAtHead(graph));
        expect(await graph.multisetHash()).toBe(await memory.multisetHash());
        await graph.clear();
      }
      await graph.close();
    },
    120_000,
  );
}
