import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statfsSync, writeFileSync, rmSync } from 'node:fs';
import path from 'node:path';

/** Mounts a file system in memory of `MiB` at each folder of a state directory that does not exist yet; returns what unmounts them. */
export function prepareMounts(home: string, small: Readonly<Record<string, number>>): () => void {
  const mounted: string[] = [];
  for (const [folder, mib] of Object.entries(small)) {
    const at = path.join(home, folder);
    mkdirSync(at, { recursive: true, mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(mib)}m,mode=0700`, 'tmpfs', at]);
    mounted.push(at);
  }
  return () => {
    for (const at of mounted.reverse()) execFileSync('umount', ['-l', at]);
  };
}

/** Why no file system can be mounted here; null when one can. */
export function whyNoMounts(): string | null {
  if (process.getuid?.() !== 0) return 'mounting a small file system needs root';
  // CAP_SYS_ADMIN, bit 21.
  const effective = /CapEff:\s+([0-9a-f]+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${effective}`) >> 21n) & 1n ? null : 'mounting a small file system needs CAP_SYS_ADMIN';
}

/** Fills a small file system to its last byte; returns what frees it again. */
export function fill(at: string): () => void {
  const ballast = path.join(at, 'ballast');
  const { bavail, bsize } = statfsSync(at);
  for (let bytes = bavail * bsize, n = 0; bytes > 0; n++) {
    try {
      writeFileSync(`${ballast}-${String(n)}`, Buffer.alloc(Math.min(bytes, 1 << 20), 1));
      bytes = statfsSync(at).bavail * bsize;
      if (n > 4_000) break;
    } catch {
      break;
    }
  }
  return () => {
    for (let n = 0; n <= 4_001; n++) rmSync(`${ballast}-${String(n)}`, { force: true });
  };
}

/** True when nothing worth mentioning fits on it. */
export function isFull(at: string): boolean {
  const { bavail, bsize } = statfsSync(at);
  return bavail * bsize < 256 * 1024;
}
