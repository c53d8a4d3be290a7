// Keeps the TypeScript project references equal to the package dependencies, so that a dependency is
// written once, in package.json. Writes only files that change. `--check` only reports.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Every workspace package as `{ dir, name, dependencies }`, in a stable order. */
export function workspacePackages() {
  const { workspaces } = readJson(path.join(root, 'package.json'));
  return workspaces
    .map((pattern) => pattern.replace(/\/\*$/, ''))
    .flatMap((parent) => subdirectories(parent))
    .filter((dir) => existsSync(path.join(root, dir, 'package.json')))
    .sort()
    .map((dir) => {
      const manifest = readJson(path.join(root, dir, 'package.json'));
      return { dir, name: manifest.name, dependencies: Object.keys(manifest.dependencies ?? {}) };
    });
}

/** Rewrites the references of every package and of the root; returns the files that were out of date. */
export function syncReferences({ check = false } = {}) {
  const packages = workspacePackages();
  const dirOf = new Map(packages.map((p) => [p.name, p.dir]));
  const stale = [];
  for (const { dir, dependencies } of packages) {
    const file = path.join(dir, 'tsconfig.json');
    if (!existsSync(path.join(root, file))) continue;
    const config = readJson(path.join(root, file));
    const references = dependencies
      .filter((name) => dirOf.has(name))
      .sort()
      .map((name) => ({ path: path.posix.relative(dir, dirOf.get(name)) }));
    if (JSON.stringify(config.references ?? []) === JSON.stringify(references)) continue;
    stale.push(file);
    if (references.length > 0) config.references = references;
    else delete config.references;
    if (!check) writeJson(path.join(root, file), config);
  }
  const solution = {
    files: [],
    references: packages
      .filter(({ dir }) => existsSync(path.join(root, dir, 'tsconfig.json')))
      .map(({ dir }) => ({ path: dir })),
  };
  const solutionFile = path.join(root, 'tsconfig.json');
  const before = existsSync(solutionFile) ? readJson(solutionFile) : undefined;
  if (JSON.stringify(before) !== JSON.stringify(solution)) {
    stale.push('tsconfig.json');
    if (!check) writeJson(solutionFile, solution);
  }
  return stale;
}

/** Packages whose manifest the lockfile does not know as it is: `npm ci` would refuse a fresh clone. */
export function packagesAheadOfLock() {
  const locked = readJson(path.join(root, 'package-lock.json')).packages;
  const sections = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
  return ['', ...workspacePackages().map(({ dir }) => dir)].filter((dir) => {
    const manifest = readJson(path.join(root, dir, 'package.json'));
    return sections.some((name) => sorted(manifest[name]) !== sorted(locked[dir]?.[name]));
  });
}

function sorted(record = {}) {
  return JSON.stringify(Object.entries(record).sort());
}

function subdirectories(parent) {
  const full = path.join(root, parent);
  if (!existsSync(full)) return [];
  return readdirSync(full, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.posix.join(parent, entry.name));
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  const stale = syncReferences({ check });
  for (const file of stale) console.log(`${check ? 'out of date' : 'updated'}: ${file}`);
  if (check && stale.length > 0) process.exit(1);
}
