import type { EventType } from '@yardmaster/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyEvent, EVENTS } from '../../test/event-arbitraries.js';
import { pack, unpack } from '../wire.js';
import { CHAIN_START, decodeEnvelope, encodeEnvelope, hashOf, type EnvelopeDraft } from './envelope-codec.js';
import { CODECS, readEvent, UnreadableEventError } from './registry.js';

const keyOf = (tenant: number): Uint8Array => new Uint8Array(32).fill(tenant % 251);
const hex = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const draft: fc.Arbitrary<EnvelopeDraft> = fc.record({
  stream: fc.constant('tasks-0'),
  node: fc.string(),
  epoch: fc.nat(),
  commit: fc.string({ minLength: 1 }),
  at: fc.nat(4_000_000_000_000),
  seed: fc.nat(0xffff_ffff),
  config: fc.string(),
  causes: fc.array(
    fc.tuple(
      fc.string(),
      fc.nat(),
      hex.map((h) => h.slice(0, 16)),
    ),
    { maxLength: 4 },
  ),
  group: fc.option(fc.record({ id: fc.string(), k: fc.nat(9), n: fc.nat(9) }), { nil: null }),
  prev: fc.oneof(fc.constant(CHAIN_START), hex),
  events: fc.array(anyEvent, { maxLength: 12 }),
});

const draftOf = (events: EnvelopeDraft['events']): EnvelopeDraft => ({
  stream: 's',
  node: 'n',
  epoch: 1,
  commit: 'c',
  at: 1,
  seed: 1,
  config: '',
  causes: [],
  group: null,
  prev: CHAIN_START,
  events,
});

describe('an envelope', () => {
  it.each(Object.entries(EVENTS))('carries %s through its bytes unchanged', (type, events) => {
    expect(CODECS.has(type as EventType)).toBe(true);
    fc.assert(
      fc.property(events, (event) => {
        const bytes = encodeEnvelope(draftOf([event]), keyOf);
        expect(decodeEnvelope('s', 1, bytes, keyOf).events).toEqual([event]);
      }),
      { numRuns: 50 },
    );
  });

  it('comes out as it was written, whatever it holds', () => {
    fc.assert(
      fc.property(draft, (one) => {
        const bytes = encodeEnvelope(one, keyOf);
        expect(decodeEnvelope(one.stream, 7, bytes, keyOf)).toEqual({ ...one, seq: 7, hash: hashOf(bytes) });
      }),
      { numRuns: 150 },
    );
  });

  it('writes once what many events of a type have in common', () => {
    const event = (id: string): unknown => ({
      type: 'TaskSucceeded',
      id,
      tenant: 77,
      attempt: 1,
      released: [],
      sealed: { result: 'the same for all' },
    });
    const size = (n: number): number =>
      encodeEnvelope(draftOf(Array.from({ length: n }, (_, i) => event(String(1000 + i))) as never), keyOf)
        .length;
    // Only the id is another.
    expect(size(30) - size(20)).toBe(40);
  });

  it('can still be read in its clear part when the tenant key is destroyed', () => {
    fc.assert(
      fc.property(draft, (one) => {
        const bytes = encodeEnvelope(one, keyOf);
        const erased = decodeEnvelope(one.stream, 7, bytes, () => null);
        expect(erased.events.map(({ type }) => type)).toEqual(one.events.map(({ type }) => type));
        expect(erased.hash).toBe(hashOf(bytes));
      }),
      { numRuns: 50 },
    );
  });

  it('shows no sealed text in its bytes', () => {
    const canary = 'canary-5b1c';
    const event = {
      type: 'TaskFailed',
      id: '7',
      tenant: 1,
      attempt: 1,
      category: 'app',
      upstreamFailed: [],
      sealed: { error: canary },
    } as never;
    const bytes = encodeEnvelope(draftOf([event]), keyOf);
    expect(Buffer.from(bytes).toString('latin1')).not.toContain(canary);
  });

  it('is refused as unreadable when its sealed part was changed, or belongs to another envelope', () => {
    const event = {
      type: 'TaskFailed',
      id: '7',
      tenant: 1,
      attempt: 1,
      category: 'app',
      upstreamFailed: [],
      sealed: { error: 'secret' },
    } as never;
    const bytes = encodeEnvelope(draftOf([event]), keyOf);
    const changed = Uint8Array.from(bytes);
    const last = changed.length - 1;
    changed[last] = (changed[last] ?? 0) ^ 1;
    expect(() => decodeEnvelope('s', 1, changed, keyOf)).toThrow(UnreadableEventError);
    expect(() => decodeEnvelope('other', 1, bytes, keyOf)).toThrow(UnreadableEventError);
  });

  it('is refused as unreadable, never with another error, when it is garbage', () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.jsonValue().map(pack),
      fc
        .tuple(fc.integer({ min: 1, max: 2 }), fc.array(fc.jsonValue(), { minLength: 1, maxLength: 13 }))
        .map(([version, rest]) => pack([version, ...rest])),
      fc
        .array(fc.jsonValue(), { maxLength: 9 })
        .map((runs) =>
          pack([2, 'n', 1, 'c', 1, 1, '', [], null, Buffer.alloc(32), Buffer.from(pack(runs)), []]),
        ),
    );
    fc.assert(
      fc.property(garbage, (bytes) => {
        try {
          decodeEnvelope('s', 1, bytes, keyOf);
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadableEventError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('of a newer version is not read', () => {
    expect(() =>
      decodeEnvelope('s', 1, pack([3, 'node', 1, ...new Array<null>(9).fill(null)]), keyOf),
    ).toThrow(/newer/);
  });
});

describe('an event', () => {
  it('has a code of its own', () => {
    const codes = [...CODECS.values()].map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it('of an unknown code or a newer version is not read: its reader halts', () => {
    expect(() => readEvent([9_999, 1], null)).toThrow(UnreadableEventError);
    expect(() => readEvent([CODECS.get('AlertCleared')?.code, 99, 'x'], null)).toThrow(/newer/);
  });

  it('of an older version goes through every upcaster in turn', () => {
    const codec = CODECS.get('AlertCleared') as unknown as {
      code: number;
      version: number;
      upcasters?: unknown;
    };
    const { version } = codec;
    try {
      codec.version = version + 2;
      codec.upcasters = {
        [version]: ([id]: string[]) => [`${id ?? ''}-up`],
        [version + 1]: ([id]: string[]) => [`${id ?? ''}-twice`],
      };
      expect(readEvent([codec.code, version, 'a'], null)).toEqual({ type: 'AlertCleared', id: 'a-up-twice' });
      expect(readEvent([codec.code, version + 1, 'a'], null)).toEqual({
        type: 'AlertCleared',
        id: 'a-twice',
      });
      expect(readEvent([codec.code, version + 2, 'a'], null)).toEqual({ type: 'AlertCleared', id: 'a' });
      codec.upcasters = { [version + 1]: (f: unknown[]) => f };
      expect(() => readEvent([codec.code, version, 'a'], null)).toThrow(/lacks the upcaster/);
    } finally {
      codec.version = version;
      delete codec.upcasters;
    }
  });
});

describe('plain values on the wire', () => {
  it('come out as they went in', () => {
    const value = fc
      .jsonValue()
      .map(
        (v) =>
          JSON.parse(JSON.stringify(v), (key, x: unknown) =>
            key === '__proto__' ? undefined : x,
          ) as unknown,
      );
    fc.assert(
      fc.property(value, (v) => {
        expect(unpack(pack(v))).toEqual(v);
      }),
    );
  });
});
