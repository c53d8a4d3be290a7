import { MemoryGraph } from '@yardmaster/graph-memory';
import type { GraphBatch, GraphWriter } from '@yardmaster/ports';
import { CellScript, submittedTask } from '@yardmaster/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedLog, TASK_STREAMS } from '../testing/scripted-log.js';
import { until } from '../testing/until.js';
import { GraphProjector } from './graph-projector.js';

let log: ScriptedLog;
let projectors: GraphProjector[] = [];
beforeEach(async () => {
  log = await ScriptedLog.open();
});
afterEach(async () => {
  await Promise.all(projectors.map((projector) => projector.stop()));
  projectors = [];
});

function project(graph: GraphWriter, from = log): GraphProjector {
  const projector = new GraphProjector({
    log: from.hub(),
    streams: TASK_STREAMS,
    open: () => Promise.resolve(graph),
    closes: false,
  });
  projectors.push(projector);
  projector.start();
  return projector;
}

function graphScript(): CellScript {
  const script = new CellScript();
  for (let i = 0; i < 6; i++) {
    script.life(0, { failures: [], end: 'succeeded' });
    script.chain(i % 2, 4, i % 3 === 0 ? 'failed' : 'succeeded');
    const parent = script.life(1, { failures: [], end: 'open' });
    script.tasks(1, [
      submittedTask(script.nextId(1), { needs: [parent], open: 1, rank: 1, dueAt: Date.UTC(2026, 0, 2) }),
    ]);
  }
  return script;
}

/** Refuses its first writes. */
class ShakyGraph extends MemoryGraph {
  failures = 3;

  override write(batch: GraphBatch): Promise<boolean> {
    if (this.failures === 0) return super.write(batch);
    this.failures--;
    return Promise.reject(new Error('the store is away'));
  }
}

/** What the whole log gives in one go. */
async function expected(script: CellScript): Promise<string> {
  const graph = new MemoryGraph();
  const whole = await ScriptedLog.open();
  await whole.tell(script);
  project(graph, whole);
  const { id } = script.chain(0, 2, 'succeeded');
  await whole.tell(script);
  await until(
    async () => (await graph.workflow(id))?.tasks.every(({ state }) => state === 'succeeded') ?? false,
  );
  await until(async () => (await graph.positions())['tasks-1']?.seq === whole.heads()['tasks-1']);
  return await graph.multisetHash();
}

describe('the graph projector', { timeout: 30_000 }, () => {
  it('gives the same graph however often it starts anew (I4)', async () => {
    const script = graphScript();
    const hash = await expected(script);
    const graph = new MemoryGraph();
    for (let told = 10; told < script.envelopes.length + 10; told += 10) {
      await log.tell(script, Math.min(told, script.envelopes.length));
      const projector = project(graph);
      await until(() => projector.status.state === 'running');
      await projector.stop();
    }
    project(graph);
    await until(async () => (await graph.multisetHash()) === hash);
  });

  it('goes on after the store was away', async () => {
    const script = graphScript();
    const hash = await expected(script);
    const graph = new ShakyGraph();
    await log.tell(script);
    project(graph);
    await until(async () => (await graph.multisetHash()) === hash);
    expect(graph.failures).toBe(0);
  });

  it('halts when the graph knows more than the log has', async () => {
    const graph = new MemoryGraph();
    await graph.write({
      stream: 'tasks-0',
      from: 0,
      to: { seq: 5, hash: 'x' },
      tasks: [],
      mentioned: [],
      edges: [],
      states: [],
    });
    const projector = project(graph);
    await until(() => projector.status.state === 'halted');
    expect(projector.status.error).toMatch(
      /the graph knows stream tasks-0 up to 5, but the log ends at 0.*`yard admin rebuild`/,
    );
  });
});
