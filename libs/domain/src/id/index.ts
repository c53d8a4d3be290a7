export * from './id-minter.js';
export * from './layout.js';
