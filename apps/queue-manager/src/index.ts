export * from './queue.role.js';
