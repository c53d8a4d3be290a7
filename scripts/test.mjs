// `npm test [-- FILTER...]`: every spec of the workspace, then the end-to-end specs against the built yard.
// Ends with what failed, and one line, "N passed, N failed"; the exit code is 1 when one failed or nothing ran.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BuildFailed, forwardSignals, pinnedNode, prepare, root } from './bootstrap.mjs';

const filters = process.argv.slice(2);
const reports = mkdtempSync(path.join(tmpdir(), 'yard-test-'));
const sum = { passed: 0, failed: 0 };
/** What failed, told once more at the end: in a long output the suite that said it is far above. */
const failures = [];

try {
  const isBuilt = await build();
  await suite('unit', ['--project', 'unit', '--project', 'int']);
  if (isBuilt) await suite('e2e', ['--project', 'e2e']);
} finally {
  rmSync(reports, { recursive: true, force: true });
}
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${sum.passed} passed, ${sum.failed} failed`);

async function build() {
  try {
    await prepare();
    return true;
  } catch (error) {
    if (!(error instanceof BuildFailed)) throw error;
    failures.push('the build: this counts as one failure, and the end-to-end tests were left out');
    sum.failed += 1;
    return false;
  }
}

async function suite(name, projects) {
  const report = path.join(reports, `${name}.json`);
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [
    'run',
    ...projects,
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...filters,
  ];
  const child = spawn(pinnedNode(), [vitest, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  forwardSignals(child);
  const code = await new Promise((resolve) => child.on('close', (status) => resolve(status ?? 1)));
  const { passed, failed } = count(report);
  // A run can fail without a failed test: an error outside any test, a leaked handle, a crash.
  if (code !== 0 && failed.length === 0)
    failed.push(`the ${name} run: it ended with ${code} and no failed test`);
  sum.passed += passed;
  sum.failed += failed.length;
  failures.push(...failed);
}

function count(report) {
  let result;
  try {
    result = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { passed: 0, failed: [] };
  }
  const failed = [];
  for (const file of result.testResults) {
    const name = path.relative(root, file.name);
    const tests = file.assertionResults.filter((test) => test.status === 'failed');
    for (const test of tests)
      failed.push(`${name} > ${test.fullName}\n${indented(test.failureMessages.join('\n'))}`);
    if (file.status === 'failed' && tests.length === 0)
      failed.push(`${name}: could not be run\n${indented(file.message)}`);
  }
  return { passed: result.numPassedTests, failed };
}

function indented(text) {
  return text
    .split('\n')
    .slice(0, 12)
    .map((line) => `    ${line}`)
    .join('\n');
}
