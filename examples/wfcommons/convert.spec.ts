import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { convert as untyped, readRecord as untypedRead } from './convert.mjs';

interface Recorded {
  id: string;
  runtimeSeconds: number;
  cores: number;
  memoryBytes: number;
  parents: string[];
}
interface Converted {
  name: string;
  tasks: Record<string, { run: { command: string[] }; resources: object; dependsOn?: string[] }>;
}
const convert = untyped as (record: unknown, options?: object) => string;
const readRecord = untypedRead as (file: string) => { name: string; tasks: Recorded[] };
const converted = (record: unknown, options?: object): Converted =>
  parse(convert(record, options)) as Converted;

const task = (id: string, more: Partial<Recorded> = {}): Recorded => ({
  id,
  runtimeSeconds: 10,
  cores: 2,
  memoryBytes: 1e9,
  parents: [],
  ...more,
});

describe('a recorded execution', () => {
  it('becomes sleeps with the same dependencies', () => {
    const workflow = converted(
      { name: 'w', tasks: [task('a'), task('b', { parents: ['a', 'a'], runtimeSeconds: 0.00001 })] },
      { timeScale: 0.5 },
    );
    expect(workflow).toEqual({
      name: 'w',
      tasks: {
        a: { run: { command: ['sleep', '5'] }, resources: { cpu: 1 } },
        b: { run: { command: ['sleep', '0'] }, resources: { cpu: 1 }, dependsOn: ['a'] },
      },
    });
  });

  it('asks for recorded cores and memory when told to', () => {
    expect(
      converted({ name: 'w', tasks: [task('a')] }, { cores: true, memory: true }).tasks['a']?.resources,
    ).toEqual({ cpu: 2, memory: 1e9 });
  });

  it('gets keys that the yard takes, and no two the same', () => {
    const { tasks } = converted({
      name: 'w',
      tasks: [
        task('a b'),
        task('a/b'),
        task('-x', { parents: ['a/b'] }),
        task('ü'),
        task('toString'),
        task('1e3'),
      ],
    });
    expect(Object.keys(tasks)).toEqual(['a_b', 'a_b-2', '_x', '_', 'toString', '1e3']);
    expect(tasks['_x']?.dependsOn).toEqual(['a_b-2']);
  });

  it('is refused when it is none', () => {
    expect(() => convert({})).toThrow('no tasks');
    expect(() => convert({ tasks: [task('a', { parents: ['z'] })] })).toThrow('parent z');
    expect(() => convert({ tasks: [task('a'), task('a')] })).toThrow('twice');
    expect(() => convert({ tasks: [task('a')] }, { timeScale: Number.NaN })).toThrow('time scale');
  });

  const folder = path.resolve(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'workflows');
  it.skipIf(!existsSync(folder))('keeps every task and edge of the real ones', () => {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.json.gz'))) {
      const record = readRecord(path.join(folder, file));
      const { tasks } = converted(record, { timeScale: 0.001 });
      expect(Object.keys(tasks)).toHaveLength(record.tasks.length);
      const edges = (list: Iterable<{ dependsOn?: string[] }>): number =>
        [...list].reduce((sum, t) => sum + (t.dependsOn?.length ?? 0), 0);
      expect(edges(Object.values(tasks))).toBe(
        record.tasks.reduce((sum, t) => sum + new Set(t.parents).size, 0),
      );
    }
  });
});
