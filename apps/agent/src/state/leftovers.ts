import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '@yardmaster/contracts';
import { retryTransient, type LogStream, type WorkerHttp } from '@yardmaster/sdk/session';
import { ProcessTable, signal } from '../attempt/process-table.js';
import { Reaper } from '../attempt/reaper.js';
import type { Log } from '../log.js';
import { findAdoptable, groupOf, isOfLauncher, listOf, NAME, type Adoptable } from './adoption.js';
import type { AgentState } from './agent-state.js';
import type { FileReportJournal } from './file-report-journal.js';

const CHUNK_BYTES = 1024 * 1024;
/** A launcher or a warden may be about to write there a last time. */
const GONE = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 } as const;

/** An earlier run of which attempts go on; its directory stays until they have ended. */
export interface AdoptedRun {
  readonly run: string;
  /** Of the leases in it, where that is not the default. */
  readonly leaseTtlMs: number | undefined;
  readonly attempts: readonly Adoptable[];
  /** The output of its other attempts is with the yard. */
  readonly cleared: Promise<void>;
}

export interface Leftovers {
  readonly orphaned: readonly Report[];
  readonly adopted: readonly AdoptedRun[];
}

/**
 * Looks through what an agent left that was killed. Attempts that can go on are left alone; all else is ended and removed,
 * processes first. Attempts without an end of their own are reported lost, so that nobody waits for their lease to run out.
 */
export async function clearEarlierRuns(
  state: AgentState,
  journal: FileReportJournal,
  http: WorkerHttp,
  log: Log,
): Promise<Leftovers> {
  const orphaned: Report[] = [];
  const adopted: AdoptedRun[] = [];
  for (const { run, leaseTtlMs } of state.earlierRuns()) {
    const attempts = (await findAdoptable(run)).filter(
      ({ task, attempt, fence }) => !journal.has(task, attempt, fence),
    );
    const kept = new Set(attempts.map(({ name }) => name));
    const others = await clear(run, new Set(attempts.map(({ dir }) => dir)), kept, log);
    for (const [task, attempt, fence] of others)
      if (!journal.has(task, attempt, fence))
        orphaned.push([
          task,
          attempt,
          fence,
          'lost',
          null,
          null,
          null,
          'the agent that ran it was started anew',
        ]);
    const cleared = bringOutput(join(run, 'io'), kept, http);
    if (attempts.length > 0) adopted.push({ run, leaseTtlMs, attempts, cleared });
    else
      void cleared.finally(() => {
        rmSync(run, GONE);
      });
    log('info', 'cleared an earlier run', { attempts: others.length, adopted: attempts.length });
  }
  return { orphaned, adopted };
}

/** Ends what runs in other slots and under other names than those that are kept: task, attempt and fence of each. */
async function clear(
  run: string,
  keptDirs: ReadonlySet<string>,
  kept: ReadonlySet<string>,
  log: Log,
): Promise<[task: string, attempt: number, fence: number][]> {
  const [attemptsDir, ioDir] = [join(run, 'attempts'), join(run, 'io')];
  const table = new ProcessTable(`${ioDir}/`, `${attemptsDir}/`);
  for (const slot of listOf(join(run, 'slots'))) {
    const dir = join(run, 'slots', slot);
    if (keptDirs.has(dir)) continue;
    const pid = groupOf(dir);
    // Ids are used again: only a group whose leader is still under its launcher or in one of our directories is surely ours.
    if (pid !== null && (isOfLauncher(pid, dir) || isIn(table, pid))) signal(-pid, 'SIGKILL');
    // Its launcher goes when it is gone.
    rmSync(dir, GONE);
  }
  const reaper = new Reaper(table);
  const cleared: [string, number, number][] = [];
  for (const name of new Set([...listOf(attemptsDir), ...table.scan().keys()])) {
    const match = NAME.exec(name);
    if (match === null || kept.has(name)) continue;
    if (!(await reaper.reap(name))) log('error', 'a process of an earlier run cannot be ended', { name });
    rmSync(join(attemptsDir, name), GONE);
    cleared.push([match[2]!, Number(match[3]), Number(match[4])]);
  }
  return cleared;
}

function isIn(table: ProcessTable, pid: number): boolean {
  for (const pids of table.scan().values()) if (pids.includes(pid)) return true;
  return false;
}

/** Output that the killed agent had not brought over; from the start, for nobody knows how far it got. */
async function bringOutput(ioDir: string, kept: ReadonlySet<string>, http: WorkerHttp): Promise<void> {
  for (const file of listOf(ioDir)) {
    const match = /^((\d+)-(\d+)-(\d+)-\d+)\.(stdout|stderr)$/.exec(file);
    if (match === null || kept.has(match[1]!)) continue;
    const path = join(ioDir, file);
    const fd = openSync(path, 'r');
    try {
      const length = fstatSync(fd).size;
      for (let at = 0; at < length;) {
        const bytes = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, length - at));
        const read = readSync(fd, bytes, 0, bytes.length, at);
        if (read === 0) break;
        const offset = at;
        await retryTransient(8, () =>
          http.putLog(
            Number(match[2]),
            match[3]!,
            Number(match[4]),
            match[5] as LogStream,
            offset,
            bytes.subarray(0, read),
          ),
        );
        at += read;
      }
    } catch {
      // The yard does not want it, or is away for long: the attempt is lost, and so is its output.
    } finally {
      closeSync(fd);
    }
    rmSync(path, { force: true });
  }
}
