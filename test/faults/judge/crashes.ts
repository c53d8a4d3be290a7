import type { Child } from '../yard/child.js';

const CRASH = /^.*(?:UnhandledPromiseRejection|Uncaught |ERR_UNHANDLED|invariant|heap out of memory).*$/gm;

/** I19: no unhandled rejection and no broken invariant in what the processes printed. `from`: how much of each was there before. */
export function faultsOfOutput(children: Iterable<Child>, from: ReadonlyMap<string, number>): string[] {
  const faults: string[] = [];
  for (const child of children)
    for (const [line] of child
      .said()
      .slice(from.get(child.name) ?? 0)
      .matchAll(CRASH))
      faults.push(`I19 ${child.name} said: ${line.slice(0, 200)}`);
  return faults;
}
