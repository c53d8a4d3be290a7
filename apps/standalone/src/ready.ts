import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Yard } from '@yardmaster/sdk';

const AGENT_PATIENCE_MS = 30_000;
const LOOK_MS = 100;

/** Waits until the machine's own agent has joined. Resolves to false when it does not in time. */
export async function agentJoined(url: string, home: string): Promise<boolean> {
  const yard = new Yard({ url, token: readFileSync(path.join(home, 'operator.token'), 'utf8').trim() });
  const until = Date.now() + AGENT_PATIENCE_MS;
  try {
    while (Date.now() < until) {
      const { items } = await yard.workers.list();
      if (items.some((worker) => worker.kind === 'agent' && worker.state === 'healthy')) return true;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return false;
  } finally {
    await yard.close();
  }
}

/** The state directory as a person would type it from here. */
export function shortPath(home: string): string {
  const relative = path.relative(process.cwd(), home);
  return relative === '' ? '.' : relative.startsWith('..') ? home : `./${relative}`;
}

/** The one line that says the yard serves, and what to try next. */
export function readyLines(url: string, grpc: string, home: string): string[] {
  const state = shortPath(home);
  return [
    `yard is up  ${url}  grpc ${grpc}  state ${state}`,
    `try: npx yard run -- echo hello     key: ${state}/operator.token     stop: Ctrl-C`,
  ];
}
