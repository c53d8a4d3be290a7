// `npm run test:sim -- [--seeds N] [--seed S] [--minutes M] [--processes P]`: plays N simulated histories from seed S on, for at
// most M minutes, in P processes. `--seed` alone plays that one again and tells it step by step.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { forwardSignals, pinnedNode, prepare, root } from './bootstrap.mjs';

await prepare();
const child = spawn(
  pinnedNode(),
  [
    '--no-warnings',
    '--experimental-transform-types',
    '--import',
    path.join(root, 'test', 'faults', 'ts-imports.mjs'),
    path.join(root, 'test', 'sim', 'simulator', 'main.ts'),
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);
forwardSignals(child);
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
