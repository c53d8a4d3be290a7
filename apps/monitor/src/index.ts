export * from './monitor.role.js';
