import { source } from './generate/markdown.js';
import { pages } from './pages.js';

/** One fenced block of a page. Words after the language say how it is tested. */
export interface Snippet {
  readonly page: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** `file=NAME`: it is written there, for the snippets that follow on its page. */
  readonly file: string | null;
  /** `background`: a command that runs until the end of its page. */
  readonly isBackground: boolean;
  /** `not-run="why"`: it cannot be run by a test. */
  readonly notRun: string | null;
}

const FENCE = /^( *)(`{3,}|~{3,})(\S*)(.*)$/;

export function snippetsOf(page: string): Snippet[] {
  const lines = source(page).split('\n');
  const found: Snippet[] = [];
  for (let i = 0; i < lines.length; i++) {
    const open = FENCE.exec(lines[i] ?? '');
    if (open === null) continue;
    const [, indent = '', fence = '', language = '', words = ''] = open;
    const line = i + 1;
    const body: string[] = [];
    for (i++; i < lines.length && lines[i]?.trim() !== fence; i++)
      body.push((lines[i] ?? '').slice(indent.length));
    if (i === lines.length) throw new Error(`${page}:${String(line)}: the fence is not closed`);
    found.push({
      page,
      line,
      language,
      text: `${body.join('\n')}\n`,
      file: /(?:^|\s)file=(\S+)/.exec(words)?.[1] ?? null,
      isBackground: /(?:^|\s)background(?:\s|$)/.test(words),
      notRun: /(?:^|\s)not-run="([^"]+)"/.exec(words)?.[1] ?? null,
    });
  }
  return found;
}

/** All snippets of all pages, in order. */
export function snippets(): Snippet[] {
  return pages().flatMap(snippetsOf);
}

export function nameOf({ page, line, language }: Snippet): string {
  return `${page}:${String(line)} (${language})`;
}
