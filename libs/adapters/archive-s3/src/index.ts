export { S3LogArchive } from './s3-log-archive.js';
