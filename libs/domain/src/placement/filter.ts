import type { ResourceVector, SchedulingSpec } from '../events/index.js';
import { firstMisfit, fits } from '../resources/index.js';
import type { TaskToPlace, WorkerView } from './worker-view.js';

/** Why a worker cannot take a task; the first that applies, in this order. */
export const FILTER_REASONS = ['unhealthy', 'cordoned', 'tenant', 'runtime', 'labels', 'resources'] as const;
export type FilterReason = (typeof FILTER_REASONS)[number];

export function filterWorker(task: TaskToPlace, worker: WorkerView): FilterReason | null {
  if (!worker.healthy || worker.isAway === true) return 'unhealthy';
  if (worker.cordoned) return 'cordoned';
  if (worker.tenant !== null && worker.tenant !== task.tenant) return 'tenant';
  if (!offersRuntime(task.spec, worker)) return 'runtime';
  if (!carriesLabels(task.spec, worker.labels)) return 'labels';
  if (!fits(task.spec.resources, worker.free)) return 'resources';
  return null;
}

/** Handlers run where they are offered; scripts and commands need an agent. */
export function offersRuntime(spec: SchedulingSpec, worker: Pick<WorkerClass, 'kind' | 'handlers'>): boolean {
  if (spec.kind === 'handler') return spec.handler !== null && worker.handlers?.has(spec.handler) === true;
  return worker.kind === 'agent';
}

function carriesLabels(spec: SchedulingSpec, labels: Readonly<Record<string, string>>): boolean {
  for (const name in spec.require) if (labels[name] !== spec.require[name]) return false;
  return true;
}

/** What is remembered of a worker that was seen once. */
export interface WorkerClass {
  readonly kind: 'agent' | 'sdk';
  /** Left out when not known: then no handler is refused because of this worker. */
  readonly handlers?: ReadonlySet<string>;
  readonly tenant: number | null;
  readonly capacity: ResourceVector;
}

/** The dimension that keeps a task from ever running on any worker seen so far, or null when it may run or wait.
 * Where no worker of its kind was seen, one may still come, so it may wait. */
export function couldEverRun(
  spec: SchedulingSpec,
  tenant: number,
  classes: Iterable<WorkerClass>,
): string | null {
  let least = Infinity;
  let dimension: string | null = null;
  for (const seen of classes) {
    if (seen.tenant !== null && seen.tenant !== tenant) continue;
    if (!offersRuntime(spec, seen)) continue;
    if (firstMisfit(spec.resources, seen.capacity) === null) return null;
    const lack = greatestLack(spec.resources, seen.capacity);
    if (lack.part < least) {
      least = lack.part;
      dimension = lack.dimension;
    }
  }
  return dimension;
}

/** The dimension of which the largest part of the demand is missing. */
export function greatestLack(
  demand: ResourceVector,
  there: Readonly<Record<string, number>>,
): { dimension: string | null; part: number } {
  let part = 0;
  let dimension: string | null = null;
  for (const name in demand) {
    const wanted = demand[name]!;
    const missing = (wanted - (there[name] ?? 0)) / wanted;
    if (missing > part) {
      part = missing;
      dimension = name;
    }
  }
  return { dimension, part };
}
