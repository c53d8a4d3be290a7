import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { findProgram, runTool } from './run-tool.js';
import { ServerUnavailable } from './server-errors.js';

/** How to run Postgres, which refuses root, and where its data can lie. */
export interface Unprivileged {
  /** Put before the command. */
  readonly prefix: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
  /** The data directory to use. */
  directory(home: string): string;
}

const AS_IS: Unprivileged = { prefix: [], directory: (home) => path.join(home, 'postgres') };
const UNSHARE = ['-U', '--map-user=1000', '--map-group=1000'];

/**
 * As root: in a user namespace where root is called 1000 (nothing is made or chowned), else as a system user
 * with a data directory that it can reach.
 *
 * @param postgres the binary, to try whether a system user may run it
 */
export async function unprivileged(env: NodeJS.ProcessEnv, postgres: string): Promise<Unprivileged> {
  if (process.getuid?.() !== 0) return AS_IS;
  const unshare = findProgram('unshare', env, ['/usr/bin', '/bin']);
  if (unshare && (await runTool(unshare, [...UNSHARE, postgres, '--version'])).code === 0) {
    return { ...AS_IS, prefix: [unshare, ...UNSHARE] };
  }
  const user = systemUser();
  const setpriv = findProgram('setpriv', env, ['/usr/bin', '/bin']);
  if (user && setpriv) {
    const prefix = [setpriv, `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
    if ((await runTool(setpriv, [...prefix.slice(1), postgres, '--version'])).code === 0) {
      return { prefix, ...user, directory: (home) => reachableDirectory(home, user) };
    }
  }
  throw new ServerUnavailable(
    'Postgres does not run as root, and neither user namespaces nor a system user are of use here: ' +
      'start the yard as another user, or set YARD_POSTGRES_URL',
  );
}

function systemUser(): { uid: number; gid: number } | undefined {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = ['postgres', 'nobody']
    .map((name) => users.find((u) => u[0] === name))
    .find((u) => u !== undefined);
  return found ? { uid: Number(found[2]), gid: Number(found[3]) } : undefined;
}

/** A home of root's is closed to others, so the data lies apart, under a name that follows from the home. */
function reachableDirectory(home: string, { uid, gid }: { uid: number; gid: number }): string {
  const name = createHash('sha256').update(home).digest('hex').slice(0, 16);
  const parent = path.join('/var/tmp', `yard-postgres-${name}`);
  mkdirSync(parent, { recursive: true });
  chownSync(parent, uid, gid);
  chmodSync(parent, 0o700);
  return path.join(parent, 'postgres');
}
