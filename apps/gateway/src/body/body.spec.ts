import { YardError } from '@yardmaster/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findDuplicateKey } from './duplicate-key.js';
import { bodyForm, parseBody, parseYaml } from './parse-body.js';
import { decodeCursor, encodeCursor } from './page-query.js';

const bytes = (text: string): Buffer => Buffer.from(text);

describe('bodies', () => {
  it('finds a doubled key at any depth, however it is written', () => {
    expect(findDuplicateKey('{"a":1,"b":{"c":1,"c":2}}')).toBe('c');
    expect(findDuplicateKey('{"a":[{"x":"\\"a\\":"},{"x":1}],"\\u0061":2}')).toBe('a');
    expect(findDuplicateKey('{"a":{"a":{"a":["a","a"]}},"b":"a"}')).toBeNull();
  });

  it('never finds one in what JSON.stringify wrote', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(findDuplicateKey(JSON.stringify(JSON.parse(text)))).toBeNull();
      }),
    );
  });

  it('reads JSON, YAML and NDJSON into the same', () => {
    const wanted = { tasks: [{ run: { handler: 'a' } }] };
    expect(parseBody(bytes(JSON.stringify(wanted)), 'json')).toEqual(wanted);
    expect(parseBody(bytes('tasks:\n  - run: {handler: a}\n'), 'yaml')).toEqual(wanted);
    expect(parseBody(bytes('{"run":{"handler":"a"}}\n\n'), 'ndjson')).toEqual(wanted);
    expect(bodyForm('text/yaml; charset=utf-8', ['json', 'yaml'])).toBe('yaml');
  });

  it('refuses alias bombs, several documents and broken text with invalid-request, never with a crash', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'
        .split('')
        .map(
          (name, i) =>
            `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefg'[i] ?? 'a'}`).join(',')}]`,
        ),
    ].join('\n');
    for (const text of [bomb, 'a: 1\n---\nb: 2\n', 'a: [', '\t- x', '{'.repeat(3000)])
      expect(() => parseYaml(text), text.slice(0, 20)).toThrow(YardError);
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom('json', 'yaml', 'ndjson'), (noise, form) => {
        try {
          parseBody(Buffer.from(noise), form);
        } catch (error) {
          expect(error).toBeInstanceOf(YardError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads back its own cursors only', () => {
    expect(decodeCursor(encodeCursor('7312345678901234567'))).toBe('7312345678901234567');
    expect(() => decodeCursor('nonsense')).toThrow(YardError);
  });
});
