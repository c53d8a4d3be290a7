import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ProcessRef } from './process-ref.js';

/*
 * What a yard and the keeper of its home say to each other: one JSON object a line, over a unix socket in a
 * directory that only this user can enter.
 *
 * The keeper knows nothing of the servers it keeps but this record, so that it stays small and never needs
 * an update while it runs.
 */

/** How to run one backing server. */
export interface ServerSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Receives stdout and stderr, appended. */
  readonly logFile: string;
  readonly port: number;
  /** Asks the server to stop cleanly. */
  readonly stopSignal: NodeJS.Signals;
  readonly stopPatienceMs: number;
  /** Run as another user; both or none. */
  readonly uid?: number;
  readonly gid?: number;
  /** How to find out that it runs and stores nothing any more; left out = nobody asks. */
  readonly health?: StoreHealth;
}

/** Of a nats-server: the account that may ask for its health, and where its streams lie. */
export interface StoreHealth {
  readonly user: string;
  readonly password: string;
  readonly store: string;
}

/** A server that runs, as the keeper remembers it in `keeper.json`. */
export interface KeptServer extends ProcessRef {
  readonly spec: ServerSpec;
}

/** `$YARD_HOME/run/keeper.json`, mode 0600. */
export interface KeeperRecord extends ProcessRef {
  readonly socket: string;
  /** When the keeper started, epoch ms. */
  readonly since: number;
  readonly servers: readonly KeptServer[];
}

export type KeeperRequest =
  | { readonly op: 'hello'; readonly id: number; readonly pid: number }
  | { readonly op: 'run'; readonly id: number; readonly spec: ServerSpec }
  | { readonly op: 'stop'; readonly id: number; readonly name: string }
  | { readonly op: 'goodbye'; readonly id: number };

export type KeeperAnswer =
  | {
      readonly id: number;
      readonly ok: true;
      readonly keeperPid: number;
      readonly servers: readonly KeptServer[];
    }
  /** Another yard, `holder`, is connected. */
  | { readonly id: number; readonly ok: false; readonly holder: number };

/** Sent unasked when a server has ended by itself, or was ended for a reason; it is started again after `restartInMs`. */
export interface ServerEnded {
  readonly event: 'ended';
  readonly name: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly restartInMs: number;
  /** Why it was ended; null when it ended by itself. */
  readonly reason: string | null;
}

export const KEEPER_GRACE_MS = 60_000;
/** Longest socket path that every system takes. */
const SOCKET_PATH_LIMIT = 100;

export function runDirectory(home: string): string {
  return path.join(home, 'run');
}

export function keeperRecordFile(home: string): string {
  return path.join(runDirectory(home), 'keeper.json');
}

/** In the home when the path is short enough, else in a private directory under the temporary one. */
export function keeperSocket(home: string): string {
  const near = path.join(runDirectory(home), 'keeper.sock');
  if (near.length <= SOCKET_PATH_LIMIT) return near;
  const name = createHash('sha256').update(home).digest('hex').slice(0, 16);
  return path.join(tmpdir(), `yard-${process.getuid?.() ?? 0}`, `${name}.sock`);
}

/** Calls `onMessage` for each complete line of a stream of JSON lines; a line that is no JSON is dropped. */
export function jsonLines(onMessage: (message: unknown) => void): (chunk: Buffer | string) => void {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      try {
        onMessage(JSON.parse(line));
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
  };
}
