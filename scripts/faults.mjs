// `npm run test:faults -- [--list] [--only NAME|FAMILY]... [--seed S] [--seeds N] [--minutes M] [--no-table]`: does faults to real
// processes under load and judges what the log says afterwards. The same seed chooses the same moments and victims.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { forwardSignals, pinnedNode, prepare, root } from './bootstrap.mjs';

await prepare();
const place = path.join(root, 'test', 'faults');
const child = spawn(
  pinnedNode(),
  [
    '--no-warnings',
    '--import',
    path.join(place, 'ts-imports.mjs'),
    path.join(place, 'main.ts'),
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);
forwardSignals(child);
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
