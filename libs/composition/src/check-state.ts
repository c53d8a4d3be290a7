import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { streams } from '@yardmaster/contracts';
import type { EventLog, LogArchive } from '@yardmaster/ports';
import {
  installationOf,
  mustBelong,
  mustFitArchive,
  withArchive,
  type YardConfig,
} from '@yardmaster/service-kit';

/** Throws StartRefusedError when state directory, broker and archive are not of one yard, or of one time. */
export async function checkState(
  { home, archive: place }: Pick<YardConfig, 'home' | 'archive'>,
  log: EventLog,
  archive: LogArchive,
  names: readonly string[],
): Promise<void> {
  // Of whom it is comes first: what follows would only be said otherwise for every stream.
  const file = path.join(home, 'installation');
  const known = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
  const found = await installationOf(withArchive(log, archive));
  // An empty broker beside an archive is told of below, with what the archive knows.
  const isLost = found === null && (await archive.list(streams.cluster)).length > 0;
  if (!isLost) mustBelong(home, known, found);
  await mustFitArchive({
    log,
    archive,
    place,
    streams: names.filter((stream) => stream !== streams.deadLetters),
  });
  if (known !== null || found === null) return;
  await mkdir(home, { recursive: true, mode: 0o700 });
  await writeFile(file, `${found}\n`, { mode: 0o600 });
}
