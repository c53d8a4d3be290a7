import path from 'node:path';
import type { Action } from '../invocation.js';
import { startApp } from './start-app.js';

/** Serves until Ctrl-C. The state directory is made where it is named, else `.yard` here. */
export const up: Action = ({ options }) => {
  if (options.home !== undefined) process.env['YARD_HOME'] = path.resolve(options.home);
  return startApp('apps/standalone/dist/main.js', ['--no-example']);
};
