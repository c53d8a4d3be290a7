export * from './nullable-numbers.js';
export * from './packed-block.js';
export * from './packed-ids.js';
export * from './packed-map.js';
