import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { WorkflowRequest } from '@yardmaster/contracts';

/** Every execution writes its beginning and its end to one file, so that what really ran is known apart from what the yard says. */
const STEP = `#!/bin/sh
set -eu
echo "begin $1 $YARD_ATTEMPT" >> "$TRUTH"
sleep "$2"
echo "end $1 $YARD_ATTEMPT" >> "$TRUTH"
echo "{\\"step\\": \\"$1\\"}" > "$YARD_OUTPUT"
`;

export const STEP_PATH = 'truth/step.sh';
export const STEP_TEXT = STEP;

/** `chains` chains of `length` sleeping scripts each, and one last task that needs all of them. */
export function chainsOf(chains: number, length: number, seconds: number, truth: string): WorkflowRequest {
  const step = (name: string, dependsOn: string[]): WorkflowRequest['tasks'] => ({
    [name]: {
      run: { script: STEP_PATH, args: [name, String(seconds)], env: { TRUTH: truth } },
      resources: { cpu: '100m' },
      retry: { maxAttempts: 1, lost: 5 },
      dependsOn,
    },
  });
  const tasks = Array.from({ length: chains }, (_, c) =>
    Array.from({ length }, (__, i) => step(nameOf(c, i), i === 0 ? [] : [nameOf(c, i - 1)])),
  );
  return {
    name: 'chains',
    tasks: Object.assign(
      {},
      ...tasks.flat(),
      step(
        'last',
        Array.from({ length: chains }, (_, c) => nameOf(c, length - 1)),
      ),
    ) as never,
  };
}

function nameOf(chain: number, index: number): string {
  return `c${String(chain)}-${String(index)}`;
}

export interface Executions {
  /** How often each step began. */
  readonly begun: ReadonlyMap<string, number>;
  /** How often each step ended. */
  readonly ended: ReadonlyMap<string, number>;
}

/** What really ran so far. */
export function executionsIn(truth: string): Executions {
  const begun = new Map<string, number>();
  const ended = new Map<string, number>();
  for (const line of linesOf(path.resolve(truth))) {
    const [what, name = ''] = line.split(' ');
    const counts = what === 'begin' ? begun : ended;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return { begun, ended };
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}
