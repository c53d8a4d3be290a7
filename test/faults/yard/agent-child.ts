import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../e2e/start-yard.js';
import { Child } from './child.js';
import type { Places } from './places.js';

/** An agent as `yard agent start` runs it, by the context file of the state directory. */
export function agentChild({ home, output }: Places, env: NodeJS.ProcessEnv = {}): Child {
  const directory = path.join(home, 'agent');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return new Child({
    name: 'agent',
    args: ['--max-semi-space-size=1', path.join(ROOT, 'apps/agent/dist/main.js')],
    env: { ...process.env, YARD_URL: undefined, YARD_TOKEN: undefined, YARD_HOME: home, ...env },
    cwd: directory,
    output: path.join(output, 'agent.log'),
  });
}
