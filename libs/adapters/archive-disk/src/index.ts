export { DiskLogArchive } from './disk-log-archive.js';
