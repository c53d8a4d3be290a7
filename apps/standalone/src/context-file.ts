import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Tells the CLI, the SDK and the local agent where the yard of a state directory is; ports may change between starts. */
export function writeContext(home: string, addresses: { readonly url: string; readonly grpc: string }): void {
  const place = path.join(home, 'context.json');
  const draft = `${place}.${String(process.pid)}`;
  writeFileSync(
    draft,
    `${JSON.stringify({ ...addresses, tenant: 'default', tokenFile: 'operator.token' }, null, 2)}\n`,
    { mode: 0o600 },
  );
  renameSync(draft, place);
}
