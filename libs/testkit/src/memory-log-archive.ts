import { segmentFile, type LogArchive, type SegmentName } from '@yardmaster/ports';

/** An archive in memory, whose content a test may spoil. */
export class MemoryLogArchive implements LogArchive {
  readonly files = new Map<string, { readonly name: SegmentName; bytes: Uint8Array }>();

  list(stream: string): Promise<readonly SegmentName[]> {
    const names = [...this.files.values()].map(({ name }) => name).filter((name) => name.stream === stream);
    return Promise.resolve(names.sort((a, b) => a.first - b.first || a.last - b.last));
  }

  write(name: SegmentName, bytes: Uint8Array): Promise<void> {
    if (!/^[a-z0-9-]+$/.test(name.stream)) return Promise.reject(new RangeError('no stream'));
    this.files.set(keyOf(name), { name, bytes: Uint8Array.from(bytes) });
    return Promise.resolve();
  }

  read(name: SegmentName): Promise<Uint8Array | null> {
    return Promise.resolve(this.files.get(keyOf(name))?.bytes ?? null);
  }

  drop(name: SegmentName): Promise<void> {
    if (name.isSealed) return Promise.reject(new Error('a sealed segment stays'));
    this.files.delete(keyOf(name));
    return Promise.resolve();
  }
}

const keyOf = (name: SegmentName): string => `${name.stream}/${segmentFile(name)}`;
