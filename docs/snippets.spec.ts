import path from 'node:path';
import { describe, expect, it } from 'vitest';
import ts from 'typescript';
import { parseAllDocuments } from 'yaml';
import { SpecBook } from '../apps/gateway/src/admission/spec-book.js';
import { checkTask } from '../apps/gateway/src/admission/schema-check.js';
import { translateTask } from '../apps/gateway/src/admission/translate-task.js';
import { translateWorkflow } from '../apps/gateway/src/admission/translate-workflow.js';
import { ROOT } from './generate/markdown.js';
import { nameOf, snippets, type Snippet } from './snippets.js';

const all = snippets();
const inLanguage = (...languages: readonly string[]): Snippet[] =>
  all.filter((s) => languages.includes(s.language));
const named = (list: readonly Snippet[]): [string, Snippet][] =>
  list.map((snippet) => [nameOf(snippet), snippet]);

describe('snippets of the docs', () => {
  it('are in languages that a test understands', () => {
    const known = ['sh', 'ts', 'js', 'yaml', 'json', 'http', 'text', 'mermaid'];
    expect(all.filter((s) => !known.includes(s.language)).map(nameOf)).toEqual([]);
  });

  it.each(named(inLanguage('yaml')))('%s is a task or a workflow that the gateway takes', (_, snippet) => {
    const documents = [...parseAllDocuments(snippet.text)];
    expect(documents.length).toBeGreaterThan(0);
    for (const document of documents) {
      expect(document.errors).toEqual([]);
      expect(faultsOf(document.toJS())).toEqual([]);
    }
  });

  it.each(named(inLanguage('json')))('%s is JSON', (_, snippet) => {
    expect(() => JSON.parse(snippet.text) as unknown).not.toThrow();
  });

  it('in TypeScript and JavaScript have the types that they should have', { timeout: 120_000 }, () => {
    expect(typeFaults(inLanguage('ts', 'js'))).toEqual([]);
  });
});

/** What the gateway would say; nothing when it would take it. */
function faultsOf(value: unknown): unknown[] {
  const book = new SpecBook();
  if (typeof value === 'object' && value !== null && 'tasks' in value) {
    const translated = translateWorkflow(value, book, Date.now(), false);
    return translated.ok ? [] : [translated.error];
  }
  const wrong = checkTask(value);
  if (wrong !== null) return [...wrong];
  const faults: Parameters<typeof translateTask>[6] = [];
  translateTask(value as Parameters<typeof translateTask>[0], '', null, book, Date.now(), true, faults);
  return faults;
}

function typeFaults(list: readonly Snippet[]): string[] {
  const base = ts.readConfigFile(path.join(ROOT, 'tsconfig.base.json'), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(
    { compilerOptions: (base.config as { compilerOptions: object }).compilerOptions, files: [] },
    ts.sys,
    ROOT,
  );
  const texts = new Map(
    list.map((snippet, i) => [path.join(ROOT, 'docs', `snippet-${String(i)}.ts`), snippet]),
  );
  const host = ts.createCompilerHost({ ...options, incremental: false });
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (file, version) => {
    const snippet = texts.get(path.normalize(file));
    return snippet === undefined
      ? read(file, version)
      : ts.createSourceFile(file, `${snippet.text}export {};\n`, version, true);
  };
  const exists = host.fileExists.bind(host);
  host.fileExists = (file) => texts.has(path.normalize(file)) || exists(file);
  // Node runs them by leaving the types out.
  const strict: ts.CompilerOptions = {
    ...options,
    composite: false,
    incremental: false,
    declaration: false,
    declarationMap: false,
    noEmit: true,
    erasableSyntaxOnly: true,
  };
  const program = ts.createProgram([...texts.keys()], strict, host);
  return [...texts].flatMap(([file, snippet]) => {
    const source = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map((d) => `${nameOf(snippet)}: ${ts.flattenDiagnosticMessageText(d.messageText, ' ')}`);
  });
}
