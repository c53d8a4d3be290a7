import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { CommandError, EXIT } from '../exit.js';
import { note } from '../output/print.js';

/** A yard writes `operator.token` when it starts without one: a lost key is mended by removing what is left of it. */
export async function recoverKey(home: string): Promise<number> {
  const file = path.join(home, 'operator.token');
  if (!existsSync(path.join(home, 'context.json')))
    throw new CommandError(
      EXIT.notFound,
      `${home} is not the state directory of a yard`,
      'name it with --home',
    );
  const state = await tryKey(home);
  if (state === 'works') {
    note(`the key in ${file} works: there is nothing to recover`);
    return EXIT.ok;
  }
  rmSync(file, { force: true });
  note(
    state === 'refused'
      ? `removed a key that the yard refuses; start the yard anew and a new operator key lies in ${file}`
      : `start the yard, and a new operator key lies in ${file}`,
  );
  return EXIT.ok;
}

async function tryKey(home: string): Promise<'works' | 'refused' | 'no answer'> {
  const { Yard, YardApiError } = await import('@yardmaster/sdk');
  const yard = new Yard({ home, retryFor: 0 });
  try {
    await yard.workers.list();
    return 'works';
  } catch (error) {
    if (!(error instanceof YardApiError)) throw error;
    if (error.code === 'unavailable' && existsSync(path.join(home, 'operator.token'))) {
      throw new CommandError(
        EXIT.unavailable,
        `the yard of ${home} does not answer, so its key cannot be tried`,
        'start it with `yard up`, then try again; remove operator.token and start it if the key in it is known to be wrong',
      );
    }
    return error.code === 'unauthenticated' || error.code === 'forbidden' ? 'refused' : 'no answer';
  } finally {
    await yard.close();
  }
}
