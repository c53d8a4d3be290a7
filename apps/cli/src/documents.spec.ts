import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readDocuments, scriptsBeside } from './documents.js';

const dir = mkdtempSync(path.join(tmpdir(), 'yard-documents-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});
function file(name: string, text: string): string {
  const full = path.join(dir, name);
  writeFileSync(full, text);
  return full;
}

describe('a file', () => {
  it('may hold several YAML documents, tasks and workflows', async () => {
    const documents = await readDocuments(
      file('many.yaml', 'run: {command: ["true"]}\n---\nname: w\ntasks: {a: {run: {script: a.sh}}}\n---\n'),
    );
    expect(documents.map((d) => d.kind)).toEqual(['task', 'workflow']);
  });

  it('in JSON goes to the yard as it was written, doubled keys and all', async () => {
    const text = '{"name": "w", "tasks": {"a": {"run": {}}, "a": {"run": {}}}}';
    const [document] = await readDocuments(file('w.json', text));
    expect(document).toMatchObject({ kind: 'workflow', text });
  });

  it('may be a list, a bulk, or JSON lines', async () => {
    const kinds = async (name: string, text: string): Promise<string[]> =>
      (await readDocuments(file(name, text))).map((d) => d.kind);
    expect(await kinds('list.json', '[{"run": {}}, {"run": {}}]')).toEqual(['task', 'task']);
    expect(await kinds('bulk.yaml', 'tasks:\n- run: {handler: h}\n- run: {handler: h}\n')).toEqual([
      'task',
      'task',
    ]);
    expect(await kinds('lines.ndjson', '{"run": {}}\n{"run": {}}\n')).toEqual(['task', 'task']);
  });

  it('that is wrong is refused with the place', async () => {
    const refusal = async (name: string, text: string): Promise<unknown> =>
      readDocuments(file(name, text)).then(
        () => null,
        (error: unknown) => {
          const { message, exit } = error as { message: string; exit: number };
          return [message.replace(dir, ''), exit];
        },
      );
    expect(await refusal('x.json', '{"run": ')).toEqual([
      expect.stringContaining('/x.json is not valid JSON') as string,
      2,
    ]);
    expect(await refusal('x.yaml', 'a: [1')).toEqual([
      expect.stringContaining('/x.yaml is not valid YAML') as string,
      2,
    ]);
    expect(await refusal('twice.yaml', 'name: w\ntasks:\n  a: {run: {}}\n  a: {run: {}}\n')).toEqual([
      '/twice.yaml is not valid YAML: the key "a" is there twice, again in line 4',
      2,
    ]);
    expect(await refusal('none.yaml', 'name: w\n')).toEqual([
      expect.stringContaining('document 1 is neither a task') as string,
      2,
    ]);
    expect(await refusal('empty.yaml', '')).toEqual(['/empty.yaml is empty', 2]);
  });

  it('brings the scripts that lie beside it, and none from elsewhere', async () => {
    mkdirSync(path.join(dir, 'scripts'), { recursive: true });
    const at = file(
      's.yaml',
      'name: w\ntasks:\n  a: {run: {script: scripts/a.sh}}\n  b: {run: {script: ../b.sh}}\n  c: {run: {script: /etc/passwd}}\n  d: {run: {script: "sha256:ab"}}\n  e: {run: {script: scripts/a.sh}}\n',
    );
    expect(scriptsBeside(at, await readDocuments(at))).toEqual([
      { path: 'scripts/a.sh', file: path.join(dir, 'scripts', 'a.sh') },
    ]);
  });
});
