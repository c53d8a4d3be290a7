import type { LogArchive, SegmentName } from '@yardmaster/ports';
import { beforeAll, describe, expect, it } from 'vitest';

const bytes = (content: string): Uint8Array => Buffer.from(content);
const text = (content: Uint8Array | null): string | null =>
  content === null ? null : Buffer.from(content).toString();
const name = (first: number, last: number, isSealed = false, stream = 'tasks-1'): SegmentName => ({
  stream,
  first,
  last,
  isSealed,
});

/** What every archive promises. `start` gives one more view of the same archive at each call. */
export function describeLogArchive(title: string, start: () => Promise<LogArchive>): void {
  describe(`${title} as a log archive`, () => {
    let archive: LogArchive;
    beforeAll(async () => {
      archive = await start();
    });

    it('knows nothing of a stream that it has no segment of', async () => {
      expect(await archive.list('ids')).toEqual([]);
      expect(await archive.read(name(1, 2, true, 'ids'))).toBeNull();
    });

    it('gives back what was written, also to those who come later', async () => {
      const content = Uint8Array.from({ length: 3_000_000 }, (_, at) => (at * 7) % 251);
      await archive.write(name(1, 900, true), content);
      const later = await start();
      expect(Buffer.from((await later.read(name(1, 900, true))) ?? []).equals(content)).toBe(true);
    });

    it('lists the segments of one stream in their order, however many digits they have', async () => {
      await archive.write(name(901, 12_000, true), bytes('b'));
      await archive.write(name(12_001, 1_000_000), bytes('c'));
      await archive.write(name(5, 6, true, 'tasks-10'), bytes('other'));
      expect(await archive.list('tasks-1')).toEqual([
        name(1, 900, true),
        name(901, 12_000, true),
        name(12_001, 1_000_000),
      ]);
    });

    it('replaces an open segment, and drops it once', async () => {
      const open = name(1, 3, false, 'alerts');
      await archive.write(open, bytes('one'));
      await archive.write(open, bytes('two'));
      expect(text(await archive.read(open))).toBe('two');
      await archive.drop(open);
      await archive.drop(open);
      expect([await archive.read(open), await archive.list('alerts')]).toEqual([null, []]);
    });

    it('keeps a sealed segment', async () => {
      const sealed = name(1, 9, true, 'queue-main');
      await archive.write(sealed, bytes('kept'));
      await expect(archive.drop(sealed)).rejects.toThrow('stays');
      expect(text(await archive.read(sealed))).toBe('kept');
    });

    it('has no stream outside itself', async () => {
      await expect(archive.write(name(1, 1, true, '../tasks-1'), bytes(''))).rejects.toThrow('no stream');
    });
  });
}
