export * from './cluster-state.js';
export * from './cluster.decide.js';
export * from './feature-level.js';
export * from './raise-level.decide.js';
