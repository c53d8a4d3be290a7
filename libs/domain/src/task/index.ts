export * from './due-times.js';
export * from './neighbourhood.js';
export * from './partition-state.js';
export * from './partition.decide.js';
export * from './partition.evolve.js';
export * from './spec-key.js';
export * from './task-table.js';
