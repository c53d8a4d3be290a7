import { YardError, type FieldError, type TaskRequest } from '@yardmaster/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grpcFault } from '../grpc/status-details.js';
import { taskBody, type ProtoTaskSpec } from '../grpc/messages.js';
import { canonicalJson } from './partitions.js';
import { checkTask } from './schema-check.js';
import { SpecBook } from './spec-book.js';
import { translateTask } from './translate-task.js';
import { translateWorkflow } from './translate-workflow.js';

const words = fc.constantFrom(
  'run',
  'handler',
  'command',
  'script',
  'args',
  'env',
  'input',
  'resources',
  'cpu',
  'memory',
  'scheduling',
  'priority',
  'at',
  'queue',
  'retry',
  'on',
  'backoff',
  'initial',
  'dependsOn',
  'task',
  'when',
  'labels',
  'constraints',
  'require',
  'tasks',
  'name',
  'key',
  '__proto__',
  'constructor',
  'toString',
  '',
);
const leaf = fc.oneof(
  words,
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(
    'high',
    '5m',
    '-1',
    '1e999',
    'PT5M',
    '2G',
    'default',
    'afterOk',
    '\u0000',
    '\ud800',
    '9223372036854775808',
    '2026-12-01T06:00:00Z',
  ),
);
const { value: body } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(words, tie('value')), { maxLength: 5 })
      .map(
        (entries) =>
          JSON.parse(
            `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value) ?? 'null'}`).join(',')}}`,
          ) as unknown,
      ),
  ),
}));

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

describe('whatever is submitted', () => {
  it('is either a task in canonical units or told what is wrong, never a crash', () => {
    const book = new SpecBook();
    fc.assert(
      fc.property(body, (given) => {
        const faults: FieldError[] = [...(checkTask(given) ?? [])];
        const task =
          faults.length > 0 ? null : translateTask(given as TaskRequest, '', null, book, 0, true, faults);
        expect(task === null).toBe(faults.length > 0);
        for (const { path, message } of faults)
          expect(typeof path === 'string' && isText(message)).toBe(true);
        if (task !== null)
          for (const amount of Object.values(task.spec.resources))
            expect(Number.isSafeInteger(amount)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it('is no crash as a workflow either, and every refusal fits into a gRPC status', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          body,
          fc.record({
            name: fc.string({ minLength: 1 }),
            tasks: fc.oneof(body, fc.dictionary(words, body), fc.array(body, { maxLength: 3 })),
          }),
        ),
        (given) => {
          const translated = translateWorkflow(given, new SpecBook(), 0, true);
          if (!translated.ok)
            expect(grpcFault(translated.error).metadata.get('grpc-status-details-bin')).toHaveLength(1);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('is read from protobuf without a crash', () => {
    fc.assert(
      fc.property(
        fc.record({
          run: fc.record({ handler: fc.string(), input: fc.record({ stringValue: fc.string() }) }),
          labels: fc.dictionary(fc.string(), fc.string()),
        }),
        (spec) => {
          expect(() => checkTask(taskBody(spec as ProtoTaskSpec))).not.toThrow(YardError);
        },
      ),
    );
  });

  it('hashes alike in whatever order its fields come', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (given) => {
        const reversed = Object.fromEntries(Object.entries(given).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(given));
      }),
    );
  });
});
