import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Makes a directory that only this user can enter. */
export function privateDirectory(...segments: string[]): string {
  const directory = path.join(...segments);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** Replaces a file in one step; only this user can read it. */
export function writePrivateFile(file: string, content: string): void {
  const draft = `${file}.${process.pid}.${randomBytes(3).toString('hex')}`;
  writeFileSync(draft, content, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}

/** Undefined when the file is missing or is not JSON. */
export function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The passwords of one home's servers, made at its first start and kept in a file of mode 0600. */
export interface Secrets {
  readonly nats: string;
  readonly natsSystem: string;
  readonly postgres: string;
  readonly neo4j: string;
}

export function openSecrets(home: string): Secrets {
  const file = path.join(home, 'servers.secret.json');
  const known = readJson(file) as Partial<Secrets> | undefined;
  if (known?.nats && known.natsSystem && known.postgres && known.neo4j) return known as Secrets;
  const made: Secrets = {
    nats: known?.nats ?? password(),
    natsSystem: known?.natsSystem ?? password(),
    postgres: known?.postgres ?? password(),
    neo4j: known?.neo4j ?? password(),
  };
  writePrivateFile(file, `${JSON.stringify(made, null, 2)}\n`);
  return made;
}

function password(): string {
  return randomBytes(24).toString('base64url');
}
