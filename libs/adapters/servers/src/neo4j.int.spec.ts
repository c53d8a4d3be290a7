import neo4j from 'neo4j-driver';
import { afterEach, describe, expect, it } from 'vitest';
import { findNeo4jTools } from './neo4j-jars.js';
import { startTestServers, type TestServers } from './test-servers.js';

const tools = await findNeo4jTools(process.env);
let servers: TestServers | undefined;

afterEach(async () => {
  await servers?.close();
  servers = undefined;
});

describe('the graph database', () => {
  it.skipIf(typeof tools === 'string')(
    'comes up with a password of its own and answers',
    { timeout: 300_000 },
    async () => {
      servers = await startTestServers({ neo4j: true });
      if (!('url' in servers.neo4j)) throw new Error(servers.neo4j.absent);
      const { url, user, password } = servers.neo4j;
      expect(password.length).toBeGreaterThan(20);
      const driver = neo4j.driver(url, neo4j.auth.basic(user, password));
      const { records } = await driver.executeQuery('RETURN 1 + 1 AS two');
      await driver.close();
      expect(records[0]?.get('two').toNumber()).toBe(2);
    },
  );

  it('is absent with a reason where there is no Java', async () => {
    expect(await findNeo4jTools({ PATH: '' })).toMatch(/Java is absent/);
  });
});
