// `npm run lint [-- --fix]`: the linter with the layer rules, the types of the specs, formatting, references.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { pinnedNode, prepare, root } from './bootstrap.mjs';
import { packagesAheadOfLock, syncReferences } from './sync-references.mjs';

const fix = process.argv.includes('--fix');
await prepare({ build: false });

const stale = syncReferences({ check: !fix });
for (const file of stale)
  console.error(`${file}: the references do not equal the dependencies: npm run build`);
const unlocked = packagesAheadOfLock();
for (const dir of unlocked)
  console.error(`${path.join(dir, 'package.json')} is not in the lockfile: npm install`);
// The layer rules read the project graph that this leaves behind.
const isGraphReady = await run(['.bin/nx', 'show', 'projects'], { quiet: true });
const results = await Promise.all([
  run(['eslint/bin/eslint.js', '.', ...(fix ? ['--fix'] : [])]),
  run(['prettier/bin/prettier.cjs', '--log-level', 'warn', fix ? '--write' : '--check', '.']),
  run(['typescript/bin/tsc', '-p', 'tsconfig.lint.json']),
]);

const isClean =
  isGraphReady && unlocked.length === 0 && results.every(Boolean) && (fix || stale.length === 0);
console.log(isClean ? 'lint: clean' : 'lint: problems found');
process.exitCode = isClean ? 0 : 1;

function run([script, ...args], { quiet = false } = {}) {
  const file = path.join(root, 'node_modules', script);
  // The graph is wanted once: a background process that watches the files would stay behind.
  const env = { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false' };
  const out = quiet ? 'ignore' : 'inherit';
  const child = spawn(pinnedNode(), [file, ...args], { cwd: root, stdio: ['ignore', out, 'inherit'], env });
  return new Promise((resolve) => child.on('close', (code) => resolve(code === 0)));
}
