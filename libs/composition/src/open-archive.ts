import { DiskLogArchive } from '@yardmaster/archive-disk';
import type { LogArchive } from '@yardmaster/ports';

/** A folder, or a bucket as `s3://bucket/prefix`. The SDK for buckets is large: it is loaded by who names one. */
export async function openArchive(place: string): Promise<LogArchive> {
  if (!place.startsWith('s3://')) return new DiskLogArchive(place);
  const { S3LogArchive } = await import('@yardmaster/archive-s3');
  return S3LogArchive.open(place);
}
