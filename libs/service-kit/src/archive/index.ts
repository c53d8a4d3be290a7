export * from './archived-log.js';
export * from './archiver.js';
export * from './segment.js';
export * from './verify-against-log.js';
export * from './verify-archive.js';
