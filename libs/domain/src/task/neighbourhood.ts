import type { TaskId } from '@yardmaster/kernel';
import type { TaskRecord } from './partition-state.js';

export interface Neighbourhood {
  /** The task itself and what was reached, by rank, then id. */
  readonly tasks: readonly TaskRecord[];
  readonly edges: readonly { readonly from: TaskId; readonly to: TaskId }[];
}

/** What a task depends on, or what depends on it, up to `depth` steps away. */
export function neighbourhood(
  task: TaskRecord,
  direction: 'upstream' | 'downstream',
  depth: number,
): Neighbourhood {
  const reached = new Set([task]);
  let level = [task];
  for (let step = 0; step < depth && level.length > 0; step++) {
    const further: TaskRecord[] = [];
    for (const one of level)
      for (const next of direction === 'upstream' ? one.parents : one.children)
        if (!reached.has(next)) {
          reached.add(next);
          further.push(next);
        }
    level = further;
  }
  const tasks = [...reached].sort((a, b) => a.rank - b.rank || (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
  const edges = tasks.flatMap((to) =>
    to.parents.filter((parent) => reached.has(parent)).map((parent) => ({ from: parent.id, to: to.id })),
  );
  return { tasks, edges };
}
