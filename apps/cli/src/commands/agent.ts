import { usage } from '../exit.js';
import { homeOf, type Action } from '../invocation.js';
import { startApp } from './start-app.js';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** Starts an agent on this machine. Its key: --join, YARD_TOKEN, else the agent key of the state directory. */
export const start: Action = async ({ options }) => {
  const { resolveConnection } = await import('@yardmaster/sdk');
  const home = await homeOf(options);
  const joined =
    (options['join'] as string | undefined) ??
    process.env['YARD_TOKEN'] ??
    (await readOrNull(path.join(home, 'agent.token')));
  if (joined === null)
    throw usage('an agent needs a key: --join TOKEN', '`yard key create --role agent` makes one');
  process.env['YARD_URL'] = resolveConnection({
    home,
    token: joined,
    ...(options.url === undefined ? {} : { url: options.url }),
  }).url;
  process.env['YARD_TOKEN'] = joined;
  delete process.env['YARD_TOKEN_FILE'];
  process.env['YARD_HOME'] = home;
  return startApp('apps/agent/dist/main.js', []);
};

async function readOrNull(file: string): Promise<string | null> {
  return readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}
