export * from './batcher.role.js';
export * from './batcher.module.js';
