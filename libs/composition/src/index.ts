export * from './config.js';
export * from './heartbeat.js';
export * from './open-runtime.js';
export * from './role-host-of.js';
export * from './run-service.js';
