export { openServers, type OpenServersOptions, type Servers } from './open-servers.js';
export { provideNats, type NatsBinary, type ProvisionContext } from './nats-binary.js';
export type { NatsAccess } from './nats-external.js';
export type { Neo4jHandle } from './open-neo4j.js';
export { ServerUnavailable, YardAlreadyRunning } from './server-errors.js';
export { startTestServers, type TestServers } from './test-servers.js';
