// Brings the generated tables of docs/ up to date with the code: node scripts/gen-reference.mjs
import { spawn } from 'node:child_process';
import path from 'node:path';
import { pinnedNode, root } from './bootstrap.mjs';

const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
const child = spawn(pinnedNode(), [vitest, 'run', '--project', 'unit', 'docs/reference.spec.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, YARD_DOCS_WRITE: '1' },
});
child.on('close', (code) => {
  process.exitCode = code ?? 1;
});
