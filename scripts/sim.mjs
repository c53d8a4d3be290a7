// `npm run test:sim -- [--seeds N] [--seed S] [--minutes M]`: plays N simulated histories from seed S on, for at most M minutes.
// `--seed` alone plays that one again and tells it step by step.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { forwardSignals, pinnedNode, prepare, root } from './bootstrap.mjs';

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, seed: { type: 'string' }, minutes: { type: 'string' } },
});
for (const [name, value] of Object.entries(values)) {
  if (Number(value) > 0) continue;
  console.error(`--${name} wants a positive number, not ${value}`);
  process.exit(2);
}
const isOne = values.seed !== undefined && values.seeds === undefined;
const seeds = isOne ? '1' : (values.seeds ?? '1000');
// A night is enough for anyone.
const seconds = String(Number(values.minutes ?? 600) * 60);
const seed = values.seed ?? '1';

await prepare({ build: false });
const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
const args = [vitest, 'run', '--project', 'unit', '--reporter=dot', 'test/sim/simulator'];
const child = spawn(pinnedNode(), args, {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
  env: {
    ...process.env,
    SIM_SEEDS: seeds,
    SIM_SEED: seed,
    SIM_SECONDS: seconds,
    ...(isOne ? { SIM_TRACE: '1' } : {}),
  },
});
forwardSignals(child);
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
