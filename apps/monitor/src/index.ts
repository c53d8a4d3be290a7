export * from './monitor.role.js';
export * from './monitor.module.js';
