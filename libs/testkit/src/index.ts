export * from './given.js';
export * from './contracts/event-log.contract.js';
export * from './fault-proxy.js';
export * from './nats-broker.js';
export * from './servers/test-postgres.js';
export * from './worker-yard.js';
export * from './contracts/attempt-log-store.contract.js';
export * from './contracts/blob-store.contract.js';
