export * from './queue-state.js';
export * from './queue.decide.js';
