import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { outliveTerminal } from '@yardmaster/composition';
import { createYard } from './create-yard.js';
import { agentJoined, readyLines } from './ready.js';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Address and key come from the state directory, whatever yard this terminal's variables name. */
function exampleEnvironment(home: string): NodeJS.ProcessEnv {
  const { YARD_URL: _url, YARD_TOKEN: _token, ...rest } = process.env;
  return { ...rest, YARD_HOME: home };
}

/** Runs the example as a user would, with its progress on this terminal. */
function runExample(home: string): void {
  const file = path.join(ROOT, 'examples', 'first-run.yaml');
  say('first start: running examples/first-run.yaml');
  const child = spawn(process.execPath, [path.join(ROOT, 'apps', 'cli', 'bin', 'yard.mjs'), 'run', file], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: exampleEnvironment(home),
  });
  child.once('exit', (code) => {
    if (code !== 0)
      say(`the example ended with exit code ${String(code)}; \`npx yard task list\` shows more`);
  });
}

async function main(): Promise<void> {
  outliveTerminal();
  const yard = await createYard({ onProgress: say });
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    say('stopping');
    yard.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  if (!(await agentJoined(yard.url, yard.home)))
    say(`the agent has not joined; see ${path.join(yard.home, 'agent', 'agent.log')}`);
  if (yard.graphNote !== null) say(`dependency graphs are kept in memory: ${yard.graphNote}`);
  for (const line of readyLines(yard.url, yard.grpc, yard.home)) say(line);
  if (yard.isNew && !process.argv.includes('--no-example')) runExample(yard.home);
}

main().catch((error: unknown) => {
  process.stderr.write(`yard: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
