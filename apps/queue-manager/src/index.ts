export * from './queue.role.js';
export * from './queue-manager.module.js';
