import { statfsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import type { ResourceVector } from '@yardmaster/domain';

/** What nobody measures and yet tasks may ask for. */
const ASSUMED: ResourceVector = { iops: 10_000, network: 1e9, ports: 1_000 };

/** Capacity of this machine in canonical units; what is configured replaces what is measured. */
export function measureCapacity(dir: string, configured: ResourceVector): Record<string, number> {
  const disk = statfsSync(dir);
  const limit = process.constrainedMemory();
  return {
    cpu: availableParallelism() * 1_000,
    memory: limit > 0 ? Math.min(totalmem(), limit) : totalmem(),
    disk: disk.bavail * disk.bsize,
    ...ASSUMED,
    ...configured,
  };
}
