import {
  existsSync,
  openSync,
  closeSync,
  fstatSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Report } from '@yardmaster/contracts';
import { retryTransient, type LogStream, type WorkerHttp } from '@yardmaster/sdk/session';
import { ProcessTable, signal } from '../attempt/process-table.js';
import { Reaper } from '../attempt/reaper.js';
import type { Log } from '../log.js';
import type { AgentState } from './agent-state.js';
import type { FileReportJournal } from './file-report-journal.js';

const CHUNK_BYTES = 1024 * 1024;
const NAME = /^(\d+)-(\d+)-(\d+)-(\d+)$/;

/**
 * Ends and removes what an agent left that was killed: its processes first. Attempts without a report of their own are
 * reported lost, so that nobody waits for their lease to run out.
 */
export async function clearEarlierRuns(
  state: AgentState,
  journal: FileReportJournal,
  http: WorkerHttp,
  log: Log,
): Promise<Report[]> {
  const orphaned: Report[] = [];
  for (const run of state.earlierRuns()) {
    const [attemptsDir, ioDir] = [join(run, 'attempts'), join(run, 'io')];
    killGroups(join(run, 'slots'));
    const table = new ProcessTable(`${ioDir}/`, `${attemptsDir}/`);
    const reaper = new Reaper(table);
    const names = new Set([...list(attemptsDir), ...table.scan().keys()]);
    for (const name of names) {
      const match = NAME.exec(name);
      if (match === null) continue;
      if (!(await reaper.reap(name))) log('error', 'a process of an earlier run cannot be ended', { name });
      const [task, attempt, fence] = [match[2]!, Number(match[3]), Number(match[4])];
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
    }
    void bringOutput(ioDir, http).finally(() => {
      rmSync(run, { recursive: true, force: true });
    });
    log('info', 'cleared an earlier run', { attempts: names.size });
  }
  return orphaned;
}

function killGroups(slotsDir: string): void {
  for (const slot of list(slotsDir)) {
    try {
      const [pid] = readFileSync(join(slotsDir, slot, 'group'), 'utf8').split('\n', 1);
      // Ids are used again: only a group whose leader is still in one of our directories is surely ours.
      if (Number(pid) > 1 && existsSync(`/proc/${pid}/cwd`) && isOurs(Number(pid), slotsDir))
        signal(-Number(pid), 'SIGKILL');
    } catch {
      // A slot without an attempt.
    }
  }
}

function isOurs(pid: number, slotsDir: string): boolean {
  const run = slotsDir.slice(0, -'/slots'.length);
  const table = new ProcessTable(`${run}/io/`, `${run}/attempts/`);
  for (const pids of table.scan().values()) if (pids.includes(pid)) return true;
  return false;
}

/** Output that the killed agent had not brought over; from the start, for nobody knows how far it got. */
async function bringOutput(ioDir: string, http: WorkerHttp): Promise<void> {
  for (const file of list(ioDir)) {
    const match = /^(\d+)-(\d+)-(\d+)-\d+\.(stdout|stderr)$/.exec(file);
    if (match === null) continue;
    const fd = openSync(join(ioDir, file), 'r');
    try {
      const length = fstatSync(fd).size;
      for (let at = 0; at < length;) {
        const bytes = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, length - at));
        const read = readSync(fd, bytes, 0, bytes.length, at);
        if (read === 0) break;
        const offset = at;
        await retryTransient(8, () =>
          http.putLog(
            Number(match[1]),
            match[2]!,
            Number(match[3]),
            match[4] as LogStream,
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
  }
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
