import type { TaskRequest, WorkflowRequest } from '@yardmaster/sdk';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CommandError, EXIT, usage } from './exit.js';

/** What a file asks for, in its order. */
export type Document =
  | { readonly kind: 'task'; readonly task: TaskRequest }
  /** `text` is JSON, as written where the file was JSON, so that the yard sees doubled keys. */
  | { readonly kind: 'workflow'; readonly workflow: WorkflowRequest; readonly text: string };

/** Reads a file, or `-` for stdin: YAML with one or more documents, JSON, or one JSON document a line. */
export async function readDocuments(file: string): Promise<Document[]> {
  const text = file === '-' ? await readStdin() : await readNamed(file);
  const where = file === '-' ? 'stdin' : file;
  const documents = (await parse(text, where)).flatMap(({ value, json }, i) =>
    classify(value, json, `${where}, document ${String(i + 1)}`),
  );
  if (documents.length === 0) throw usage(`${where} is empty`);
  return documents;
}

async function readNamed(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new CommandError(
      EXIT.notFound,
      `there is no file ${file}`,
      'a command goes after two dashes: `yard run -- COMMAND ARGS`',
    );
  }
}

interface Parsed {
  readonly value: unknown;
  readonly json: string | null;
}

async function parse(text: string, where: string): Promise<Parsed[]> {
  if (/^\s*[{[]/.test(text)) {
    const parsed = parseJson(text);
    if (parsed !== null) return parsed;
    if (/\.(json|ndjson|jsonl)$/.test(where)) throw usage(`${where} is not valid JSON: ${jsonFault(text)}`);
  }
  const { parseAllDocuments, visit, isScalar, LineCounter } = await import('yaml');
  const lines = new LineCounter();
  // The library's own check for doubled keys compares each with each.
  const documents = parseAllDocuments(text, { uniqueKeys: false, lineCounter: lines });
  const doubledKey = (document: (typeof documents)[number]): string | null => {
    let found: string | null = null;
    visit(document, {
      Map: (_, map) => {
        const seen = new Set<unknown>();
        for (const { key } of map.items) {
          if (!isScalar(key)) continue;
          if (seen.has(key.value)) {
            found = `the key ${JSON.stringify(key.value)} is there twice, again in line ${lines.linePos(key.range?.[0] ?? 0).line}`;
            return visit.BREAK;
          }
          seen.add(key.value);
        }
        return undefined;
      },
    });
    return found;
  };
  return [...documents].flatMap((document) => {
    const fault = document.errors[0]?.message ?? doubledKey(document);
    if (fault !== null) throw usage(`${where} is not valid YAML: ${fault}`);
    const value: unknown = document.toJS();
    return value === null ? [] : [{ value, json: null }];
  });
}

function parseJson(text: string): Parsed[] | null {
  try {
    return [{ value: JSON.parse(text) as unknown, json: text }];
  } catch {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length < 2) return null;
    try {
      return lines.map((line) => ({ value: JSON.parse(line) as unknown, json: line }));
    } catch {
      return null;
    }
  }
}

function jsonFault(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

function classify(value: unknown, json: string | null, where: string): Document[] {
  if (Array.isArray(value))
    return value.flatMap((item, i) => classify(item, null, `${where}, item ${String(i + 1)}`));
  if (typeof value !== 'object' || value === null) throw usage(`${where} is neither a task nor a workflow`);
  if ('run' in value) return [{ kind: 'task', task: value as TaskRequest }];
  if (!('tasks' in value))
    throw usage(`${where} is neither a task (it has no \`run\`) nor a workflow (it has no \`tasks\`)`);
  if (!('name' in value) && Array.isArray(value.tasks)) return classify(value.tasks, null, where);
  return [{ kind: 'workflow', workflow: value as WorkflowRequest, text: json ?? JSON.stringify(value) }];
}

/** Scripts that the documents name and that lie beside the file: path as named, and where it lies. */
export function scriptsBeside(
  file: string,
  documents: readonly Document[],
): { path: string; file: string }[] {
  if (file === '-') return [];
  const folder = path.resolve(path.dirname(file));
  const named = new Set(documents.flatMap((document) => tasksOf(document).map((task) => task.run?.script)));
  return [...named].flatMap((script) => {
    if (typeof script !== 'string' || script.startsWith('sha256:') || path.isAbsolute(script)) return [];
    const full = path.resolve(folder, script);
    return full.startsWith(folder + path.sep) ? [{ path: script, file: full }] : [];
  });
}

function tasksOf(document: Document): { run?: { script?: unknown } }[] {
  const all: unknown[] =
    document.kind === 'task' ? [document.task] : Object.values(document.workflow.tasks ?? {});
  return all.filter((task) => typeof task === 'object' && task !== null);
}

async function readStdin(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
