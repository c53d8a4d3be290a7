export * from './disk-attempt-log-store.js';
export * from './disk-blob-store.js';
