export * from './filter.js';
export * from './place.js';
export * from './score.js';
export * from './worker-view.js';
