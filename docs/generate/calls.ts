import { PROTO_FILES, PROTO_ROOT } from '@yardmaster/contracts';
import { readFileSync } from 'node:fs';
import { code, table } from './markdown.js';

/** The calls of every `.proto` that the gateway serves. */
export function callTable(): string {
  const rows = PROTO_FILES.flatMap((file) => {
    const text = readFileSync(new URL(file, PROTO_ROOT), 'utf8');
    const pack = /^package ([\w.]+);/m.exec(text)?.[1] ?? '';
    const service = /^service (\w+)/m.exec(text)?.[1] ?? '';
    return [...text.matchAll(/rpc (\w+)\(([\w.]+)\) returns \(((?:stream )?[\w.]+)\)/g)].map(
      ([, name = '', takes = '', gives = '']) => [
        code(`${pack}.${service}/${name}`),
        code(takes),
        code(gives),
      ],
    );
  });
  return table(['call', 'takes', 'gives'], rows);
}
