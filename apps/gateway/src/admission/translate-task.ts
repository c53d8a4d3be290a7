import {
  INLINE_LIMIT,
  LIMITS,
  type DependencyRequest,
  type FieldError,
  type TaskRequest,
} from '@yardmaster/contracts';
import type { RunContent, SchedulingSpec, TaskContent } from '@yardmaster/domain';
import { isId } from '@yardmaster/kernel';
import { measureJson } from '../body/measure.js';
import { join } from './schema-check.js';
import type { SpecBook } from './spec-book.js';

const HASHED_SCRIPT = /^sha256:([0-9a-fA-F]{64})$/;
const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})$/;

/** One checked task in canonical units; scripts are not pinned and large inputs not stored yet. */
export interface TranslatedTask {
  readonly spec: SchedulingSpec;
  readonly content: TaskContent;
  readonly dueAt: number | null;
  /** Ids of parents outside this request. */
  readonly needs: readonly string[];
  /** Path or `sha256:<hex>` that still has to be pinned. */
  readonly script: string | null;
  /** `run.input` is too large for the log. */
  readonly hasLargeInput: boolean;
}

const NO_NEEDS: readonly string[] = Object.freeze([]);

/** `request` has passed the schema. Null when faults were added. `checksSize`: it may be over the limit of one task. */
export function translateTask(
  request: TaskRequest,
  at: string,
  key: string | null,
  book: SpecBook,
  now: number,
  checksSize: boolean,
  faults: FieldError[],
): TranslatedTask | null {
  const before = faults.length;
  const spec = book.specOf(request, at, faults);
  const { run } = request;
  let hasLargeInput = false;
  if (
    run.input !== undefined &&
    run.input !== null &&
    typeof run.input !== 'number' &&
    typeof run.input !== 'boolean'
  ) {
    const { bytes, tooDeep } = measureJson(run.input, LIMITS.taskBytes, LIMITS.inputDepth);
    if (tooDeep)
      faults.push({
        path: join(at, 'run.input'),
        message: `is nested deeper than ${String(LIMITS.inputDepth)} levels`,
      });
    // The measure may be low by the bytes of non-ASCII characters.
    else
      hasLargeInput = bytes > INLINE_LIMIT / 4 && Buffer.byteLength(JSON.stringify(run.input)) > INLINE_LIMIT;
  }
  if (checksSize && measureJson(request, LIMITS.taskBytes, LIMITS.inputDepth + 8).bytes > LIMITS.taskBytes) {
    faults.push({ path: at, message: `one task is at most ${String(LIMITS.taskBytes / 1024)} KiB` });
  }
  if (hasNul(request)) faults.push({ path: join(at, 'run'), message: 'has a NUL character' });
  const dueAt =
    request.scheduling?.at === undefined ? null : readInstant(request.scheduling.at, at, faults, now);
  if (spec === null || faults.length !== before) return null;
  return {
    spec,
    content: {
      name: request.name ?? key ?? nameOf(request),
      key,
      labels: request.labels ?? null,
      run: contentOf(request),
    },
    dueAt,
    needs: NO_NEEDS,
    script: run.script ?? null,
    hasLargeInput,
  };
}

/** Parents of a lone task are named by id. */
export function readNeeds(request: TaskRequest, at: string, unknown: FieldError[]): readonly string[] {
  if (request.dependsOn === undefined || request.dependsOn.length === 0) return NO_NEEDS;
  const needs = new Set<string>();
  for (const [i, dependency] of request.dependsOn.entries()) {
    const parent = parentOf(dependency);
    if (isId(parent)) needs.add(parent);
    else
      unknown.push({
        path: join(at, `dependsOn[${String(i)}]`),
        message: `${JSON.stringify(parent)} is not the id of a task; names of tasks count inside a workflow`,
      });
  }
  return [...needs];
}

export function parentOf(dependency: DependencyRequest): string {
  return typeof dependency === 'string' ? dependency : dependency.task;
}

/** The sha256 in `sha256:<hex>`, or null for a path. */
export function scriptHash(script: string): string | null {
  return HASHED_SCRIPT.exec(script)?.[1]?.toLowerCase() ?? null;
}

function readInstant(given: string, at: string, faults: FieldError[], now: number): number | null {
  const time = RFC3339.test(given) && isDay(given.slice(0, 10)) ? Date.parse(given) : NaN;
  if (Number.isNaN(time)) {
    faults.push({
      path: join(at, 'scheduling.at'),
      message: `${JSON.stringify(given)} is not an instant: write it as in 2026-12-01T06:00:00Z`,
    });
    return null;
  }
  return time > now ? time : null;
}

/** `Date` takes 30 February for 1 or 2 March. */
function isDay(date: string): boolean {
  const time = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date);
}

function contentOf({ run }: TaskRequest): RunContent {
  return {
    script: run.script ?? null,
    scriptHash: null,
    command: run.command ?? null,
    args: run.args ?? null,
    env: run.env ?? null,
    input: run.input ?? null,
  };
}

function nameOf({ run }: TaskRequest): string {
  const source = run.handler ?? run.script ?? run.command?.[0] ?? 'task';
  return source.slice(source.lastIndexOf('/') + 1).slice(0, 200) || 'task';
}

/** Programs, arguments and variables end at a NUL: what would run is not what was asked for. */
function hasNul({ run }: TaskRequest): boolean {
  if (run.handler !== undefined) return false;
  if (run.script?.includes('\0') === true) return true;
  for (const text of run.command ?? []) if (text.includes('\0')) return true;
  for (const text of run.args ?? []) if (text.includes('\0')) return true;
  for (const name in run.env) if (run.env[name]?.includes('\0') === true) return true;
  return false;
}
