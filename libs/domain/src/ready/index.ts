export * from './choose-batch.js';
export * from './ready-set.js';
