import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheDirectory } from './cache-directory.js';
import { findProgram, isProgram, lastWords, runTool, type Progress } from './run-tool.js';
import { ServerUnavailable } from './server-errors.js';
import { isAtLeast } from './version.js';

export const OLDEST_NATS = '2.14.0';
/** Built from the official module. */
export const BUILT_NATS = '2.15.2';
/** Fetched where there is no Go: the newest release whose checksums we hold. */
export const RELEASED_NATS = '2.15.0';

/** SHA-256 of `nats-server-v<RELEASED_NATS>-<os>-<arch>.tar.gz`, from the release's SHA256SUMS. */
const RELEASE_SHA256: Readonly<Record<string, string>> = {
  'linux-amd64': '5d2c51caca950333aba84911df7d377f826f3a59ec36061c6539105084f65c92',
  'linux-arm64': 'cdc208f5a3f42963a52b6ab06ef65626bb870315dc936e26ba571780c6351112',
  'darwin-amd64': '5bd8b59ca5bf93fab3da2c5843cf564cd6e2e291e22ae3b861746e7ebe259b95',
  'darwin-arm64': 'e1c4e22d70bd44abfa0bcb3c16f7cf0c66f648c2e728c58924e8a1ce88913cc8',
};

export interface NatsBinary {
  readonly file: string;
  readonly version: string;
}

export interface ProvisionContext {
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: Progress;
  readonly signal: AbortSignal;
}

/**
 * A nats-server that is new enough: `YARD_NATS_SERVER`, the one on PATH, the one in the cache, else built
 * with Go, else the official release.
 *
 * @throws ServerUnavailable with what to install
 */
export async function provideNats(context: ProvisionContext): Promise<NatsBinary> {
  const { env } = context;
  const named = env['YARD_NATS_SERVER'];
  if (named) {
    const found = await inspect(named);
    if (found) return found;
    throw new ServerUnavailable(
      `YARD_NATS_SERVER=${named} is not a nats-server of version ${OLDEST_NATS} or newer`,
    );
  }
  const onPath = findProgram('nats-server', env);
  const found = onPath ? await inspect(onPath) : undefined;
  if (found) return found;
  for (const version of [BUILT_NATS, RELEASED_NATS]) {
    const cached = cachedFile(env, version);
    if (isProgram(cached)) return { file: cached, version };
  }
  const problems: string[] = [];
  for (const way of [build, download]) {
    const made = await way(context);
    if (typeof made !== 'string') return made;
    context.signal.throwIfAborted();
    problems.push(made);
  }
  throw new ServerUnavailable(
    `nats-server ${OLDEST_NATS} or newer is needed: put it on PATH, or install Go 1.26 or newer and start again ` +
      `(tried: ${problems.join('; ')})`,
  );
}

/** Undefined when it does not run or is too old. */
async function inspect(file: string): Promise<NatsBinary | undefined> {
  const { code, output } = await runTool(file, ['-v']);
  const version = /v?(\d+\.\d+\.\d+)/.exec(output)?.[1];
  return code === 0 && version && isAtLeast(version, OLDEST_NATS) ? { file, version } : undefined;
}

function cachedFile(env: NodeJS.ProcessEnv, version: string): string {
  return path.join(cacheDirectory(env, 'nats-server', version), 'nats-server');
}

async function build({ env, onProgress, signal }: ProvisionContext): Promise<NatsBinary | string> {
  const go = findProgram('go', env, ['/usr/local/go/bin', '/opt/homebrew/bin']);
  if (!go) return 'no Go';
  const target = cachedFile(env, BUILT_NATS);
  const workshop = mkdtempSync(path.join(path.dirname(target), 'build-'));
  onProgress(
    `building nats-server ${BUILT_NATS} with Go, once (24 MB, about 40 s) into ${path.dirname(target)}`,
  );
  try {
    const { code, output } = await runTool(
      go,
      ['install', `github.com/nats-io/nats-server/v2@v${BUILT_NATS}`],
      {
        env: { ...env, GOBIN: workshop, CGO_ENABLED: '0' },
        cwd: workshop,
        signal,
        onTick: (seconds) => onProgress(`... building nats-server, ${seconds} s`),
      },
    );
    if (code !== 0) return `go install failed: ${lastWords(output)}`;
    renameSync(path.join(workshop, 'nats-server'), target);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
  onProgress(`nats-server ${BUILT_NATS} is built`);
  return { file: target, version: BUILT_NATS };
}

async function download({ env, onProgress, signal }: ProvisionContext): Promise<NatsBinary | string> {
  const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const wanted = RELEASE_SHA256[platform];
  if (!wanted) return `no checked release for ${platform}`;
  const name = `nats-server-v${RELEASED_NATS}-${platform}`;
  const url = `https://github.com/nats-io/nats-server/releases/download/v${RELEASED_NATS}/${name}.tar.gz`;
  const target = cachedFile(env, RELEASED_NATS);
  const workshop = mkdtempSync(path.join(path.dirname(target), 'fetch-'));
  onProgress(`fetching nats-server ${RELEASED_NATS}, once (about 7 MB) into ${path.dirname(target)}`);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(120_000)]) });
    if (!response.ok) return `the release download answered ${response.status}`;
    const archive = Buffer.from(await response.arrayBuffer());
    const sum = createHash('sha256').update(archive).digest('hex');
    if (sum !== wanted) return `the release download has SHA-256 ${sum}, not ${wanted}`;
    const file = path.join(workshop, 'nats.tar.gz');
    writeFileSync(file, archive);
    const { code, output } = await runTool('tar', ['-xzf', file, '-C', workshop], { signal });
    const binary = path.join(workshop, name, 'nats-server');
    if (code !== 0 || !existsSync(binary))
      return `the release archive cannot be unpacked: ${lastWords(output)}`;
    chmodSync(binary, 0o755);
    renameSync(binary, target);
  } catch (error) {
    return `the release download failed: ${(error as Error).message}`;
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
  return { file: target, version: RELEASED_NATS };
}
