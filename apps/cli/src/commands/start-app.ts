import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { EXIT } from '../exit.js';
import { ROOT } from '../invocation.js';

interface Bootstrap {
  prepare(): Promise<void>;
  runEntry(entry: string, args: readonly string[]): Promise<void>;
  BuildFailed: new () => Error;
}

/** Makes the checkout runnable and goes on as another app of it, in this process: signals and terminal are its own. */
export async function startApp(entry: string, args: readonly string[]): Promise<number> {
  const bootstrap = (await import(
    pathToFileURL(path.join(ROOT, 'scripts', 'bootstrap.mjs')).href
  )) as Bootstrap;
  try {
    await bootstrap.prepare();
  } catch (error) {
    if (error instanceof bootstrap.BuildFailed) return EXIT.failed;
    throw error;
  }
  // A service does not end because whoever read its output has gone.
  process.stdout.removeAllListeners('error').on('error', () => undefined);
  await bootstrap.runEntry(entry, args);
  return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
}
