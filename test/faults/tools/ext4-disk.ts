import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { findProgram } from './find-program.js';
import { whyNoMounts } from './small-disk.js';

/** ioctl that drops everything that is not on disk, as a power cut does, with the flag that leaves the journal unflushed too. */
const SHUTDOWN = `
import fcntl, os, struct, sys
disk = os.open(sys.argv[1], os.O_RDONLY)
with open(sys.argv[2], "w") as marker: marker.write("in memory alone")
fcntl.ioctl(disk, 0x8004587D, struct.pack("I", 2))
`;

const MARKER = 'marker-of-the-fault-run';

/** A file system of its own in a file, from which the power can be taken. */
export class Ext4Disk {
  readonly #image: string;
  readonly #at: string;

  constructor(image: string, at: string, mib: number) {
    this.#image = image;
    this.#at = at;
    mkdirSync(at, { recursive: true, mode: 0o700 });
    mkdirSync(path.dirname(image), { recursive: true });
    execFileSync('truncate', ['-s', `${String(mib)}M`, image]);
    execFileSync('mkfs.ext4', ['-q', '-F', image]);
    this.mount();
  }

  mount(): void {
    execFileSync('mount', ['-o', 'loop', this.#image, this.#at]);
  }

  /**
   * What was not synced is lost; a marker is written first that is not, which tells later whether it really was. Nothing may be open on it any more when it is unmounted.
   */
  cutPower(): void {
    execFileSync('python3', ['-c', SHUTDOWN, this.#at, path.join(this.#at, MARKER)]);
  }

  /** After it was mounted again: nothing but what was synced came back. */
  get hasForgotten(): boolean {
    return !existsSync(path.join(this.#at, MARKER));
  }

  unmount(): void {
    execFileSync('umount', [this.#at]);
  }
}

/** Why no such disk can be had here; null when one can. */
export function whyNoDisks(): string | null {
  const missing = ['mkfs.ext4', 'python3', 'losetup'].filter((name) => findProgram(name) === null);
  if (missing.length > 0) return `a disk in a file needs ${missing.join(', ')}`;
  return whyNoMounts();
}
