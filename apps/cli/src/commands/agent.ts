import { homeOf, type Action } from '../invocation.js';
import { startApp } from './start-app.js';

/** Starts an agent on this machine; options that are not ours are the agent's. */
export const start: Action = async ({ args, options }) => {
  const { join, url, tokenFile } = options as { join?: string; url?: string; tokenFile?: string };
  if (join !== undefined) process.env['YARD_TOKEN'] = join;
  return startApp('apps/agent/dist/main.js', [
    '--home',
    await homeOf(options),
    ...(url === undefined ? [] : ['--url', url]),
    ...(tokenFile === undefined ? [] : ['--token-file', tokenFile]),
    ...args,
  ]);
};
