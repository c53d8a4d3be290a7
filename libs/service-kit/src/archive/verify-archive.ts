import { CHAIN_START, hashOf } from '@yardmaster/contracts';
import type { LogArchive } from '@yardmaster/ports';
import { coverage } from './archiver.js';
import { ArchiveDamagedError, decodeSegment } from './segment.js';

export interface ArchiveReport {
  readonly stream: string;
  readonly segments: number;
  /** 0 = nothing. */
  readonly last: number;
  readonly lastHash: string;
  /** Each a sentence with the way out; none when all is whole. */
  readonly faults: readonly string[];
}

/** Reads all segments of a stream back: hashes, sequences, and one chain over all of them from the first message on. */
export async function verifyArchive(archive: LogArchive, stream: string): Promise<ArchiveReport> {
  const faults: string[] = [];
  const names = await archive.list(stream);
  const chosen = coverage(names);
  let last = 0;
  let lastHash = CHAIN_START;
  for (const name of chosen) {
    try {
      const bytes = await archive.read(name);
      if (bytes === null) throw new ArchiveDamagedError(name, 'is gone');
      const { header, messages } = decodeSegment(name, bytes);
      if (name.first === 1 || last > 0) {
        const before = messages[last - name.first];
        if ((before === undefined ? header.prevHash : hashOf(before.data)) !== lastHash)
          throw new ArchiveDamagedError(name, 'does not follow on the segment before it');
      } else throw new ArchiveDamagedError(name, 'is the first, and what lies before it is missing');
      last = header.last;
      lastHash = header.lastHash;
    } catch (error) {
      faults.push((error as Error).message);
      break;
    }
  }
  const beyond = names.filter(({ first }) => first > last + 1);
  if (faults.length === 0 && beyond[0] !== undefined)
    faults.push(
      `archive of ${stream} lacks ${String(last + 1)}-${String(beyond[0].first - 1)}: put back a good copy of the archive`,
    );
  return { stream, segments: chosen.length, last, lastHash, faults };
}
