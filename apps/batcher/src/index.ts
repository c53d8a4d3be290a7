export * from './batcher.role.js';
