import type { TaskKind } from '@yardmaster/domain';
import { roughSize } from '@yardmaster/kernel';
import { BATCH_BYTES } from '../wire.js';
import type { Assignment, Work } from './frames.js';

/** What attempts of one frame have in common, once: trailing nulls are left out. */
export type WireWork = readonly [
  kind: TaskKind,
  tenant: number,
  name: string,
  handler?: string | null,
  script?: string | null,
  scriptHash?: string | null,
  command?: readonly string[] | null,
  args?: readonly string[] | null,
  env?: Readonly<Record<string, string>> | null,
  input?: unknown,
  leaseTtlMs?: number,
];

/** One attempt: `work` is an index into the message's works. */
export type WireRun = readonly [
  task: string,
  attempt: number,
  fence: number,
  work: number,
  capMs: number,
  parents?: Readonly<Record<string, unknown>> | null,
  traceparent?: string | null,
  checkpoint?: unknown,
];

export type RunMessage = readonly [
  'run',
  readonly WireWork[],
  readonly WireRun[],
  /** The process that they were granted to: one that the worker started later takes no notice. Left out = whichever. */
  incarnation?: string,
];

/** Bytes of a row without content, and of what stands around a work's texts. */
const ROW_BYTES = 64;

/** Messages that hand out `assignments`, each small enough to travel in a frame of its own. */
export function runMessages(assignments: readonly Assignment[], incarnation?: string): RunMessage[] {
  const messages: RunMessage[] = [];
  const send = (): void => {
    messages.push(incarnation === undefined ? ['run', works, rows] : ['run', works, rows, incarnation]);
  };
  let works: WireWork[] = [];
  let rows: WireRun[] = [];
  let last: Work | null = null;
  let bytes = 0;
  for (const [task, attempt, fence, work] of assignments) {
    let isNew = last === null || !isSameWork(last, work);
    let size = ROW_BYTES + (isNew ? sizeOf(work) : 0) + roughSize(work.parents);
    if (work.checkpoint !== undefined) size += roughSize(work.checkpoint);
    if (rows.length > 0 && bytes + size > BATCH_BYTES) {
      send();
      works = [];
      rows = [];
      bytes = 0;
      if (!isNew) size += sizeOf(work);
      isNew = true;
    }
    if (isNew) works.push(wireWork(work));
    rows.push(wireRun(task, attempt, fence, works.length - 1, work));
    bytes += size;
    last = work;
  }
  if (rows.length > 0) send();
  return messages;
}

export function readRun([, works, rows]: RunMessage): Assignment[] {
  const shared = works.map(
    (w): Pick<Work, 'kind' | 'tenant' | 'name' | 'handler' | 'run' | 'leaseTtlMs'> => ({
      kind: w[0],
      tenant: w[1],
      name: w[2],
      handler: w[3] ?? null,
      run: {
        script: w[4] ?? null,
        scriptHash: w[5] ?? null,
        command: w[6] ?? null,
        args: w[7] ?? null,
        env: w[8] ?? null,
        input: w[9] ?? null,
      },
      ...(typeof w[10] === 'number' ? { leaseTtlMs: w[10] } : {}),
    }),
  );
  return rows.map(([task, attempt, fence, at, capMs, parents, traceparent, checkpoint]) => {
    const { kind, tenant, name, handler, run, leaseTtlMs } = shared[at]!;
    const work: Work = {
      kind,
      tenant,
      name,
      handler,
      run,
      capMs,
      parents: parents ?? null,
      traceparent: traceparent ?? null,
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(leaseTtlMs === undefined ? {} : { leaseTtlMs }),
    };
    return [task, attempt, fence, work];
  });
}

function wireRun(task: string, attempt: number, fence: number, at: number, work: Work): WireRun {
  const { capMs, parents, traceparent, checkpoint } = work;
  if (checkpoint !== undefined) return [task, attempt, fence, at, capMs, parents, traceparent, checkpoint];
  if (traceparent !== null) return [task, attempt, fence, at, capMs, parents, traceparent];
  return parents === null ? [task, attempt, fence, at, capMs] : [task, attempt, fence, at, capMs, parents];
}

function wireWork({ kind, tenant, name, handler, run, leaseTtlMs }: Work): WireWork {
  const fields: unknown[] = [
    kind,
    tenant,
    name,
    handler,
    run.script,
    run.scriptHash,
    run.command,
    run.args,
    run.env,
    run.input ?? null,
    leaseTtlMs ?? null,
  ];
  while (fields.length > 3 && fields[fields.length - 1] === null) fields.pop();
  return fields as unknown as WireWork;
}

/** Tasks with equal content share one object where they were read together. */
function isSameWork(a: Work, b: Work): boolean {
  return (
    a.run === b.run &&
    a.name === b.name &&
    a.handler === b.handler &&
    a.kind === b.kind &&
    a.leaseTtlMs === b.leaseTtlMs &&
    a.tenant === b.tenant
  );
}

function sizeOf({ name, handler, run }: Work): number {
  return ROW_BYTES + roughSize(name) + roughSize(handler) + roughSize(run);
}
