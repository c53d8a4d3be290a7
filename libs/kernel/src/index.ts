export * from './brand.js';
export * from './chunks.js';
export * from './clock.js';
export * from './ids.js';
export * from './invariant.js';
export * from './result.js';
export * from './rough-size.js';
export * from './rounds.js';
