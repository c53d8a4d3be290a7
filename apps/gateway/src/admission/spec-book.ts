import type { FieldError, TaskRequest } from '@yardmaster/contracts';
import {
  DEFAULT_CAP_MS,
  DEFAULT_CLASS_RANK,
  DEFAULT_PRIORITY,
  DEFAULT_QUEUE,
  QUEUES,
  SLOT_DEMAND,
  TIERS,
  defaultRetry,
  didYouMean,
  parseDuration,
  parseLeaseTtl,
  parsePriority,
  parsePriorityClass,
  parseResources,
  type Outcome,
  type PlacementStrategy,
  type ResourceVector,
  type RetryPolicy,
  type SchedulingSpec,
  type TaskKind,
} from '@yardmaster/domain';
import type { Result } from '@yardmaster/kernel';
import { join } from './schema-check.js';

const STRATEGIES: readonly PlacementStrategy[] = ['bin-pack', 'spread', 'least-loaded', 'round-robin'];
const NOT_YET_STRATEGIES: readonly string[] = ['locality', 'tetris', 'random'];
const RETRYABLE: readonly Outcome[] = ['app', 'over-memory', 'over-disk', 'over-cap'];
const NOTHING_REQUIRED: Readonly<Record<string, string>> = Object.freeze({});
const DEFAULT_RETRY: RetryPolicy = Object.freeze(defaultRetry());
/** Specs kept; beyond that the book starts anew. */
const MOST = 10_000;

/** Turns the scheduling fields of a request into a SchedulingSpec. Equal requests get the very same object, so that a command
 * names each spec once and a task like the one before costs a look-up. */
export class SpecBook {
  readonly #byHandler = new Map<string, SchedulingSpec>();
  readonly #byFields = new Map<string, SchedulingSpec>();

  specOf(request: TaskRequest, at: string, faults: FieldError[]): SchedulingSpec | null {
    const {
      run,
      resources,
      scheduling,
      executionCap,
      leaseTtl,
      retry,
      totalAttempts,
      idempotent,
      constraints,
    } = request;
    const isPlain =
      resources === undefined &&
      scheduling === undefined &&
      executionCap === undefined &&
      leaseTtl === undefined &&
      retry === undefined &&
      totalAttempts === undefined &&
      idempotent === undefined &&
      constraints === undefined;
    if (isPlain && run.handler !== undefined) {
      const known = this.#byHandler.get(run.handler);
      if (known !== undefined) return known;
    }
    const kind = kindOf(request);
    // `at` is of the one task, not of its spec.
    const fields = scheduling?.at === undefined ? scheduling : { ...scheduling, at: undefined };
    const key = JSON.stringify([
      kind,
      run.handler,
      resources,
      fields,
      executionCap,
      leaseTtl,
      retry,
      totalAttempts,
      idempotent,
      constraints,
    ]);
    let spec = this.#byFields.get(key) ?? null;
    if (spec === null) {
      spec = readSpec(request, kind, at, faults);
      if (spec === null) return null;
      if (this.#byFields.size >= MOST) this.#byFields.clear();
      this.#byFields.set(key, spec);
    }
    if (isPlain && run.handler !== undefined) {
      if (this.#byHandler.size >= MOST) this.#byHandler.clear();
      this.#byHandler.set(run.handler, spec);
    }
    return spec;
  }
}

export function kindOf({ run }: TaskRequest): TaskKind {
  if (run.handler !== undefined) return 'handler';
  return run.script !== undefined ? 'script' : 'command';
}

function readSpec(
  request: TaskRequest,
  kind: TaskKind,
  at: string,
  faults: FieldError[],
): SchedulingSpec | null {
  const before = faults.length;
  const scheduling = request.scheduling ?? {};
  const read = <T>(
    path: string,
    given: unknown,
    parse: (given: unknown) => Result<T, string>,
    otherwise: T,
  ): T => {
    if (given === undefined) return otherwise;
    const parsed = parse(given);
    if (parsed.ok) return parsed.value;
    faults.push({ path: join(at, path), message: parsed.error });
    return otherwise;
  };
  const capMs = read('executionCap', request.executionCap, positiveDuration, DEFAULT_CAP_MS);
  const leaseTtlMs = read('leaseTtl', request.leaseTtl, parseLeaseTtl, null);
  const spec: SchedulingSpec = {
    kind,
    handler: request.run.handler ?? null,
    resources: readResources(request, kind, at, faults),
    queue: read('scheduling.queue', scheduling.queue, knownQueue, DEFAULT_QUEUE),
    classRank: read('scheduling.priorityClass', scheduling.priorityClass, tenantClass, DEFAULT_CLASS_RANK),
    priority: read('scheduling.priority', scheduling.priority, parsePriority, DEFAULT_PRIORITY),
    strategy: readStrategy(scheduling.strategy, at, faults),
    delayToleranceMs: read<number | null>(
      'scheduling.delayTolerance',
      scheduling.delayTolerance,
      parseDuration,
      null,
    ),
    capMs,
    retry: readRetry(request, at, faults, read),
    idempotent: request.idempotent ?? false,
    require: request.constraints?.require ?? NOTHING_REQUIRED,
    ...(leaseTtlMs === null ? {} : { leaseTtlMs }),
  };
  return faults.length === before ? spec : null;
}

function readResources(
  request: TaskRequest,
  kind: TaskKind,
  at: string,
  faults: FieldError[],
): ResourceVector {
  if (request.resources === undefined) return kind === 'handler' ? SLOT_DEMAND : TIERS.basic;
  const parsed = parseResources(request.resources);
  if (!parsed.ok) {
    for (const { path, message } of parsed.error)
      faults.push({ path: join(join(at, 'resources'), path).replace(/\.$/, ''), message });
    return SLOT_DEMAND;
  }
  // A handler always takes a place in its worker, whatever else it names.
  return kind === 'handler' && parsed.value['slots'] === undefined
    ? { ...parsed.value, ...SLOT_DEMAND }
    : parsed.value;
}

function readStrategy(given: string | undefined, at: string, faults: FieldError[]): PlacementStrategy | null {
  if (given === undefined) return null;
  const known = STRATEGIES.find((name) => name === given);
  if (known !== undefined) return known;
  const meant = didYouMean(given, STRATEGIES);
  const quoted = JSON.stringify(given);
  const message = NOT_YET_STRATEGIES.includes(given)
    ? `${quoted} is not available yet; use ${STRATEGIES.join(', ')}`
    : meant === null
      ? `${quoted} is not a strategy: write ${STRATEGIES.join(', ')}`
      : `${quoted} is not a strategy: did you mean "${meant}"?`;
  faults.push({ path: join(at, 'scheduling.strategy'), message });
  return null;
}

type Read = <T>(
  path: string,
  given: unknown,
  parse: (given: unknown) => Result<T, string>,
  otherwise: T,
) => T;

function readRetry(request: TaskRequest, at: string, faults: FieldError[], read: Read): RetryPolicy {
  const { retry, totalAttempts } = request;
  if (retry === undefined && totalAttempts === undefined) return DEFAULT_RETRY;
  if (
    retry?.maxAttempts !== undefined &&
    totalAttempts !== undefined &&
    retry.maxAttempts !== totalAttempts
  ) {
    faults.push({
      path: join(at, 'totalAttempts'),
      message: `says ${String(totalAttempts)} where retry.maxAttempts says ${String(retry.maxAttempts)}: give one of them`,
    });
  }
  const initialBackoffMs = read(
    'retry.backoff.initial',
    retry?.backoff?.initial,
    parseDuration,
    DEFAULT_RETRY.initialBackoffMs,
  );
  const maxBackoffMs = read(
    'retry.backoff.max',
    retry?.backoff?.max,
    parseDuration,
    Math.max(initialBackoffMs, DEFAULT_RETRY.maxBackoffMs),
  );
  if (maxBackoffMs < initialBackoffMs)
    faults.push({ path: join(at, 'retry.backoff.max'), message: 'is shorter than the initial backoff' });
  for (const [i, name] of (retry?.on ?? []).entries()) {
    if (RETRYABLE.includes(name as Outcome)) continue;
    const meant = didYouMean(name, RETRYABLE);
    faults.push({
      path: join(at, `retry.on[${String(i)}]`),
      message: `${JSON.stringify(name)} is not a category that can be retried${meant === null ? `: write ${RETRYABLE.join(', ')}` : `: did you mean "${meant}"?`}`,
    });
  }
  return {
    maxAttempts: retry?.maxAttempts ?? totalAttempts ?? DEFAULT_RETRY.maxAttempts,
    lostBudget: retry?.lost ?? DEFAULT_RETRY.lostBudget,
    initialBackoffMs,
    maxBackoffMs,
    on: retry?.on === undefined ? null : (retry.on as Outcome[]),
  };
}

function positiveDuration(given: unknown): Result<number, string> {
  const parsed = parseDuration(given);
  return parsed.ok && parsed.value <= 0 ? { ok: false, error: 'a cap is longer than nothing' } : parsed;
}

function knownQueue(given: unknown): Result<string, string> {
  const known = QUEUES.find((name) => name === given);
  if (known !== undefined) return { ok: true, value: known };
  const meant = didYouMean(String(given), QUEUES);
  return {
    ok: false,
    error: `there is no queue ${JSON.stringify(given)}${meant === null ? `: queues are ${QUEUES.join(', ')}` : `: did you mean "${meant}"?`}`,
  };
}

/** The class `system` is the yard's own. */
function tenantClass(given: unknown): Result<number, string> {
  return given === 'system'
    ? {
        ok: false,
        error: 'the class "system" is for the yard itself: write urgent, normal, batch or best-effort',
      }
    : parsePriorityClass(given);
}
