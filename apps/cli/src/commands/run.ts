import { usage } from '../exit.js';
import type { Action } from '../invocation.js';

/** `yard run FILE` and `yard run -- CMD ARGS`. */
export const run: Action = async (invocation) => {
  const {
    args: [file],
    rest,
  } = invocation;
  if (rest !== null) {
    if (file !== undefined) throw usage('either a file or a command after `--`, not both');
    if (rest.length === 0) throw usage('nothing stands after `--`', 'for example: yard run -- echo hello');
    return (await import('./run-command.js')).runCommand(invocation);
  }
  if (file === undefined)
    throw usage(
      'a file, or `--` and a command',
      'for example: yard run examples/first-run.yaml, or: yard run -- echo hello',
    );
  for (const name of ['cpu', 'mem', 'name']) {
    if (invocation.options[name] !== undefined)
      throw usage(`--${name} is for a command after \`--\`; in a file say it per task`);
  }
  return (await import('./run-file.js')).runFile(invocation);
};
