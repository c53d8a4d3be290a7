import { DiskLogArchive } from '@yardmaster/archive-disk';
import { S3LogArchive } from '@yardmaster/archive-s3';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveConfig } from './config.js';
import { openArchive } from './open-archive.js';

describe('where the archive is', () => {
  it('is beside the log unless another folder or a bucket is named', () => {
    const archive = (env: NodeJS.ProcessEnv): string => resolveConfig(env, 'x').archive;
    expect(archive({ YARD_HOME: '/y' })).toBe(path.join('/y', 'archive'));
    expect(archive({ YARD_HOME: '/y', YARD_ARCHIVE: 'second' })).toBe(path.resolve('second'));
    expect(archive({ YARD_ARCHIVE: 's3://bucket/yard' })).toBe('s3://bucket/yard');
  });

  it('opens as what it is', async () => {
    expect(await openArchive('/second')).toBeInstanceOf(DiskLogArchive);
    expect(await openArchive('s3://bucket/yard')).toBeInstanceOf(S3LogArchive);
    await expect(openArchive('s3://')).rejects.toThrow();
  });
});
