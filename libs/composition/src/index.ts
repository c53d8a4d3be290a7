export * from './config.js';
export * from './cluster-node-of.js';
export * from './open-runtime.js';
export * from './outlive-terminal.js';
export * from './run-service.js';
