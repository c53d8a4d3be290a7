import path from 'node:path';
import type { Needs } from '../fault.js';
import type { Places } from '../yard/places.js';
import { ShiftedClock } from './clock.js';
import { Ext4Disk } from './ext4-disk.js';
import { prepareMounts } from './small-disk.js';

/** What a yard is given beside its places, before it starts. */
export interface Prepared {
  readonly disks: ReadonlyMap<string, Ext4Disk>;
  readonly clocks: ReadonlyMap<string, ShiftedClock>;
  /** After the yard has ended. */
  readonly release: () => void;
}

export function prepare({ root, home }: Places, { small = {}, disks = {}, clocks = [] }: Needs): Prepared {
  const unmount = prepareMounts(home, small);
  const made = new Map<string, Ext4Disk>();
  for (const [folder, mib] of Object.entries(disks)) {
    const image = path.join(root, 'disks', folder.replaceAll('/', '-'));
    made.set(folder, new Ext4Disk(image, path.join(home, folder), mib));
  }
  return {
    disks: made,
    clocks: new Map(clocks.map((name) => [name, new ShiftedClock(root, name)])),
    release: () => {
      for (const disk of made.values()) disk.unmount();
      unmount();
    },
  };
}
