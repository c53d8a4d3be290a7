export * from './id-minter.js';
export * from './layout.js';
export * from './generator-leases.js';
