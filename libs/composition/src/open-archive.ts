import { DiskLogArchive, DiskSnapshotStore } from '@yardmaster/archive-disk';
import type { LogArchive, SnapshotStore } from '@yardmaster/ports';

/** A folder, or a bucket as `s3://bucket/prefix`. The SDK for buckets is large: it is loaded by who names one. */
export async function openArchive(place: string): Promise<LogArchive> {
  return (await openArchiveStores(place)).archive;
}

/** The archive of the log, and the snapshots that lie beside it. */
export async function openArchiveStores(
  place: string,
): Promise<{ readonly archive: LogArchive; readonly snapshots: SnapshotStore }> {
  if (!place.startsWith('s3://'))
    return { archive: new DiskLogArchive(place), snapshots: new DiskSnapshotStore(place) };
  const { S3LogArchive } = await import('@yardmaster/archive-s3');
  const archive = S3LogArchive.open(place);
  return { archive, snapshots: archive.snapshots() };
}
