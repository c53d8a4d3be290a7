import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { EventResponse } from '@yardmaster/contracts';
import { Yard } from '@yardmaster/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { killTree } from '../support/processes.js';
import { runNode, yardCommand } from '../support/commands.js';
import { ROOT, startYard, type StartedYard } from './start-yard.js';

const RECORDS =
  process.env['YARD_RECORDED_WORKFLOWS'] ?? path.resolve(ROOT, '..', 'shared', 'data', 'workflows');
const files = existsSync(RECORDS)
  ? readdirSync(RECORDS)
      .filter((name) => name.endsWith('.json.gz'))
      .sort()
  : [];
/** The longest path of each record takes about this long here. */
const LONGEST_PATH_SECONDS = 1.5;
const MUST_END_MS = 25_000;

interface Recorded {
  readonly tasks: readonly {
    readonly id: string;
    readonly runtimeSeconds: number;
    readonly parents?: readonly string[];
  }[];
}

describe.skipIf(files.length === 0)(
  files.length === 0 ? `recorded workflows (skipped: no records in ${RECORDS})` : 'recorded workflows',
  () => {
    const place = mkdtempSync(path.join(tmpdir(), 'yard-recorded-'));
    let started: StartedYard;
    let yard: Yard;
    beforeAll(async () => {
      started = await startYard({ env: { YARD_AGENT_CPU: '64' } });
      yard = new Yard({ url: started.url, token: started.token });
    });
    afterAll(async () => {
      await yard?.close();
      await started?.stop();
      if (started !== undefined) await killTree(started.home);
      rmSync(place, { recursive: true, force: true });
    });

    it.each(files)('%s runs to its end in the order of its dependencies', async (file) => {
      const record = JSON.parse(gunzipSync(readFileSync(path.join(RECORDS, file))).toString()) as Recorded;
      const replay = path.join(place, `${file}.yaml`);
      const scale = LONGEST_PATH_SECONDS / longestPath(record);
      expect(
        await runNode([
          path.join(ROOT, 'examples/wfcommons/convert.mjs'),
          path.join(RECORDS, file),
          '--time-scale',
          String(scale),
          '-o',
          replay,
        ]),
      ).toMatchObject({ code: 0 });

      const { code, stderr } = await yardCommand(started, ['run', replay], { timeoutMs: 120_000 });
      expect(code, stderr).toBe(0);
      const id = /workflow (\d+)/.exec(stderr)?.[1] ?? '';
      const workflow = await yard.workflows.get(id);
      expect(workflow).toMatchObject({ state: 'succeeded', counts: { succeeded: record.tasks.length } });
      // A lost frame or report would cost a lease's time, half a minute.
      expect(Date.parse(workflow.endedAt ?? '') - Date.parse(workflow.submittedAt), file).toBeLessThan(
        MUST_END_MS,
      );

      const { granted, succeeded } = await timesOf(yard, id, record.tasks.length);
      let edges = 0;
      for (const task of workflow.tasks) {
        for (const parent of task.dependsOn) {
          edges++;
          expect(
            granted.get(task.id) ?? 0,
            `${task.key} began before its parent had ended`,
          ).toBeGreaterThanOrEqual(succeeded.get(parent) ?? Infinity);
        }
      }
      expect(edges).toBe(record.tasks.reduce((sum, { parents = [] }) => sum + new Set(parents).size, 0));
    });
  },
);

/** When each task's first lease was granted and when it succeeded, from the event log. */
async function timesOf(
  yard: Yard,
  workflow: string,
  tasks: number,
): Promise<{ granted: Map<string, number>; succeeded: Map<string, number> }> {
  const granted = new Map<string, number>();
  const succeeded = new Map<string, number>();
  const note = (times: Map<string, number>, { task, time }: EventResponse): void => {
    if (task !== undefined && !times.has(task)) times.set(task, Date.parse(time));
  };
  for await (const event of yard.events({
    from: 'start',
    workflow,
    types: ['LeaseGranted', 'TaskSucceeded'],
    signal: AbortSignal.timeout(60_000),
  })) {
    note(event.type === 'LeaseGranted' ? granted : succeeded, event);
    if (granted.size === tasks && succeeded.size === tasks) break;
  }
  expect([granted.size, succeeded.size]).toEqual([tasks, tasks]);
  return { granted, succeeded };
}

function longestPath({ tasks }: Recorded): number {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const known = new Map<string, number>();
  const endOf = (id: string): number => {
    const before = known.get(id);
    if (before !== undefined) return before;
    const task = byId.get(id);
    const end = (task?.runtimeSeconds ?? 0) + Math.max(0, ...(task?.parents ?? []).map(endOf));
    known.set(id, end);
    return end;
  };
  return Math.max(...tasks.map(({ id }) => endOf(id)));
}
