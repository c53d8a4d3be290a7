export { DiskLogArchive } from './disk-log-archive.js';
export * from './disk-snapshot-store.js';
