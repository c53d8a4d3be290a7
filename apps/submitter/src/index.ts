export * from './cluster.role.js';
export * from './id-source.js';
export * from './node-roster.js';
export * from './submitter.role.js';
export * from './submitter.module.js';
