export * from './amount.js';
export * from './parse.js';
export * from './vector.js';
