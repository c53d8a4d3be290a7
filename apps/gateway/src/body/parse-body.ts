import { isUtf8 } from 'node:buffer';
import { LIMITS, YardError, rejection } from '@yardmaster/contracts';
import { parseDocument } from 'yaml';
import { findDuplicateKey } from './duplicate-key.js';

export type BodyForm = 'json' | 'yaml' | 'ndjson';

const FORMS: Readonly<Record<string, BodyForm>> = {
  'application/json': 'json',
  'text/json': 'json',
  'application/yaml': 'yaml',
  'application/x-yaml': 'yaml',
  'text/yaml': 'yaml',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
};

/** What a content type promises; a missing one is read as JSON. */
export function bodyForm(contentType: string | undefined, allowed: readonly BodyForm[]): BodyForm {
  if (contentType === undefined || contentType === '') return 'json';
  const semicolon = contentType.indexOf(';');
  const type = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
  const form = FORMS[type];
  if (form === undefined || !allowed.includes(form)) {
    throw new YardError(
      rejection(
        'unsupported-media-type',
        `send ${allowed.map((name) => `application/${name === 'ndjson' ? 'x-ndjson' : name}`).join(' or ')}, not ${JSON.stringify(type.slice(0, 80))}`,
      ),
    );
  }
  return form;
}

/** Reads a body into plain JSON data; NDJSON becomes `{tasks: [...]}`. Throws `invalid-request`. */
export function parseBody(bytes: Buffer | undefined, form: BodyForm): unknown {
  if (bytes === undefined || bytes.length === 0) throw invalid('the body is empty');
  if (!isUtf8(bytes)) throw invalid('the body is not UTF-8');
  const text = bytes.toString('utf8');
  switch (form) {
    case 'json':
      return parseJson(text);
    case 'yaml':
      return parseYaml(text);
    case 'ndjson':
      return { tasks: parseLines(text) };
  }
}

export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(`the body is not JSON: ${cause instanceof Error ? cause.message.slice(0, 200) : ''}`);
  }
  const twice = findDuplicateKey(text);
  if (twice !== null) {
    throw invalid(`the key ${JSON.stringify(twice.slice(0, 100))} is there twice in one object`, twice);
  }
  return value;
}

function parseLines(text: string): unknown[] {
  const lines = text.split('\n');
  const tasks: unknown[] = [];
  for (const [at, line] of lines.entries()) {
    if (line.trim() === '') continue;
    if (tasks.length >= LIMITS.bulkTasks)
      throw invalid(`more than ${String(LIMITS.bulkTasks)} tasks in one request`);
    try {
      tasks.push(parseJson(line));
    } catch (cause) {
      if (cause instanceof YardError) throw invalid(`line ${String(at + 1)}: ${cause.rejection.detail}`);
      throw cause;
    }
  }
  return tasks;
}

export function parseYaml(text: string): unknown {
  let document: ReturnType<typeof parseDocument>;
  try {
    document = parseDocument(text, { uniqueKeys: true, prettyErrors: true, schema: 'core' });
  } catch (cause) {
    throw invalid(`the body is not YAML: ${cause instanceof Error ? cause.message.slice(0, 200) : ''}`);
  }
  const error = document.errors[0];
  if (error !== undefined) {
    if (error.code === 'MULTIPLE_DOCS')
      throw invalid('one YAML document a request, please: send each on its own');
    throw invalid(`the body is not YAML: ${firstLine(error.message)}`);
  }
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw invalid(`the body is not YAML: ${cause instanceof Error ? firstLine(cause.message) : ''}`);
  }
}

function firstLine(message: string): string {
  return (message.split('\n', 1)[0] ?? '').slice(0, 200);
}

function invalid(detail: string, path?: string): YardError {
  return new YardError(
    rejection('invalid-request', detail, path === undefined ? {} : { errors: [{ path, message: detail }] }),
  );
}
