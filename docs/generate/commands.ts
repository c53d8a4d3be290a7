import type { Command } from 'commander';
import { buildProgram } from '../../apps/cli/src/program.js';
import { code, table } from './markdown.js';

const EVERYWHERE = new Set(['--output', '--url', '--home', '--token-file', '--help', '--version']);

export function commandTable(): string {
  const rows = leaves(buildProgram({ exit: 0 }, null), []).map(({ words, command }) => {
    const args = command.registeredArguments.map((a) => (a.required ? `<${a.name()}>` : `[${a.name()}]`));
    const options = command.options.filter((o) => !EVERYWHERE.has(o.long ?? ''));
    return [
      code(['yard', ...words, ...args].join(' ')),
      command.description(),
      options.map((o) => `${code(o.flags)}${o.description === '' ? '' : ` ${o.description}`}`).join('; '),
    ];
  });
  return table(['command', 'does', 'options'], rows);
}

function leaves(
  command: Command,
  words: readonly string[],
): { words: readonly string[]; command: Command }[] {
  if (command.commands.length === 0) return [{ words, command }];
  return command.commands.flatMap((child) => leaves(child, [...words, child.name()]));
}
