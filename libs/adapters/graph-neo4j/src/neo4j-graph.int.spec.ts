import { startTestServers } from '@yardmaster/servers';
import { describeGraph } from '@yardmaster/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { Neo4jGraph } from './neo4j-graph.js';

const servers = await startTestServers({ neo4j: true });
afterAll(async () => {
  await servers.close();
});

if ('absent' in servers.neo4j) {
  it.skip(`keeps the graph contract in Neo4j: ${servers.neo4j.absent}`, () => undefined);
} else {
  const access = servers.neo4j;
  describeGraph('Neo4j', () => Promise.resolve(Neo4jGraph.open(access)));
}

describe('a Neo4j that is away', () => {
  it('rejects, and does not hang', async () => {
    const graph = Neo4jGraph.open({ url: 'bolt://127.0.0.1:1', user: 'neo4j', password: 'x' });
    await expect(graph.upstream('1', 1)).rejects.toThrow();
    await expect(graph.positions()).rejects.toThrow();
    await graph.close();
  });
});
