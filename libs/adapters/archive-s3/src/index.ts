export { S3LogArchive } from './s3-log-archive.js';
export * from './s3-snapshot-store.js';
