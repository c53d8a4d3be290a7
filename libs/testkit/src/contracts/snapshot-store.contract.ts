import type { SnapshotStore } from '@yardmaster/ports';
import { beforeAll, describe, expect, it } from 'vitest';

const bytes = (content: string): Uint8Array => Buffer.from(content);
const text = (content: Uint8Array | null): string | null =>
  content === null ? null : Buffer.from(content).toString();

/** What every store of snapshots promises. `start` gives one more view of the same store at each call. */
export function describeSnapshotStore(title: string, start: () => Promise<SnapshotStore>): void {
  describe(`${title} as a store of snapshots`, () => {
    let store: SnapshotStore;
    beforeAll(async () => {
      store = await start();
    });

    it('knows nothing of a folder that nothing was written to', async () => {
      expect(await store.list('ids')).toEqual([]);
      expect(await store.read('ids', '0001.snapshot')).toBeNull();
    });

    it('gives back what was written, also to those who come later, and lists it in order', async () => {
      await store.write('queue-main', '0002.snapshot', bytes('two'));
      await store.write('queue-main', '0001.snapshot', bytes('one'));
      await store.write('queue', '0003.snapshot', bytes('another folder'));
      const later = await start();
      expect(text(await later.read('queue-main', '0002.snapshot'))).toBe('two');
      expect(await later.list('queue-main')).toEqual(['0001.snapshot', '0002.snapshot']);
    });

    it('replaces what has the same name, and drops it once', async () => {
      await store.write('limits', 'a', bytes('one'));
      await store.write('limits', 'a', bytes('two'));
      expect(text(await store.read('limits', 'a'))).toBe('two');
      await store.drop('limits', 'a');
      await store.drop('limits', 'a');
      expect(await store.list('limits')).toEqual([]);
    });

    it('has no place outside itself', async () => {
      await expect(store.write('../ids', 'a', bytes(''))).rejects.toThrow('no name');
      await expect(store.write('ids', '../a', bytes(''))).rejects.toThrow('no name');
    });
  });
}
