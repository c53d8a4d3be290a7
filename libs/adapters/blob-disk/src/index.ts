export { DiskAttemptLogStore } from './disk-attempt-log-store.js';
export { BlobDamagedError, DiskBlobStore } from './disk-blob-store.js';
