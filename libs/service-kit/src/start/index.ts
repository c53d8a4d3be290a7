export * from './check-log.js';
export * from './installation.js';
