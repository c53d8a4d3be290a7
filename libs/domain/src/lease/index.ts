export * from './cell-state.js';
export * from './cell.decide.js';
export * from './held-leases.js';
export * from './late-finish.js';
export * from './lease-ttl.js';
export * from './place-alone.js';
