import { enableCompileCache } from 'node:module';
import { CommanderError } from 'commander';
import { EXIT, explain } from './exit.js';
import { buildProgram } from './program.js';

enableCompileCache();

/** Ends quietly when whoever reads our output has gone, as in `yard task list | head -1`. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
});

const argv = process.argv.slice(2);
// A command after `--` is not ours to read.
const dashes = argv.indexOf('--');
const outcome = { exit: EXIT.ok as number };
const program = buildProgram(outcome, dashes < 0 ? null : argv.slice(dashes + 1));
try {
  await program.parseAsync(dashes < 0 ? argv : argv.slice(0, dashes), { from: 'user' });
  process.exitCode = outcome.exit;
} catch (error) {
  process.exitCode =
    error instanceof CommanderError ? (error.exitCode === 0 ? EXIT.ok : EXIT.usage) : await explain(error);
}
