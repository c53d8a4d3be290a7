import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type DomainEvent, FEATURE_LEVEL, versionAt } from '@yardmaster/domain';
import type { TaskId } from '@yardmaster/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENTS } from '../../test/event-arbitraries.js';
import {
  CHAIN_START,
  decodeEnvelope,
  encodeEnvelope,
  ENVELOPE_VERSION,
  hashOf,
  type EnvelopeDraft,
} from './envelope-codec.js';
import { unpack } from '../wire.js';
import { CODECS } from './registry.js';

/**
 * Bytes of every version of every event that was ever written, with what they say, in a folder for each version of the envelope.
 * They are read for ever: nothing here is changed or removed. A new version of an event gets new files by GOLDEN=write, which
 * adds what is missing and touches nothing.
 */
const golden = new URL('../../golden/', import.meta.url);
const folder = new URL('v2/', golden);
const keyOf = (): Uint8Array => new Uint8Array(32).fill(7);
const nameOf = (type: string, version: number): string => `${type}.v${String(version)}`;

interface Golden {
  readonly stream: string;
  readonly seq: number;
  readonly hash: string;
  readonly prev: string;
  readonly events: readonly DomainEvent[];
  readonly [field: string]: unknown;
}

function write(name: string, events: readonly DomainEvent[]): void {
  const draft = {
    stream: 'golden',
    node: 'node-1',
    epoch: 3,
    commit: `golden-${name}`,
    at: 1_767_225_600_000,
    seed: 305_419_896,
    config: '0badcafe',
    causes: [['queue-main', 4, '00112233aabbccdd'] as const],
    group: null,
    prev: CHAIN_START,
    events,
  };
  const bytes = encodeEnvelope(draft, keyOf);
  writeFileSync(
    new URL(`${name}.hex`, folder),
    `${(
      Buffer.from(bytes)
        .toString('hex')
        .match(/.{1,120}/g) ?? []
    ).join('\n')}\n`,
  );
  writeFileSync(
    new URL(`${name}.json`, folder),
    `${JSON.stringify({ ...draft, seq: 1, hash: hashOf(bytes) }, null, 1)}\n`,
  );
}

if (process.env['GOLDEN'] === 'write') {
  for (const { type, version } of CODECS.values()) {
    const name = nameOf(type, version);
    if (!existsSync(new URL(`${name}.hex`, folder)))
      write(name, fc.sample(EVENTS[type], { numRuns: 6, seed: 20_260_101 }));
  }
  // A column of texts of one length.
  const ended = Array.from({ length: 10 }, (_, i): DomainEvent => ({
    type: 'TaskCancelled',
    id: String(2_721_175_286_713_000 + i) as TaskId,
    tenant: 3,
    upstreamFailed: [],
  }));
  if (!existsSync(new URL('many.hex', folder))) write('many', ended);
}

const folders = readdirSync(golden).sort();
const names = folders.flatMap((version) =>
  readdirSync(new URL(`${version}/`, golden))
    .filter((file) => file.endsWith('.hex'))
    .map((file) => `${version}/${file.slice(0, -'.hex'.length)}`)
    .sort(),
);
const bytesOf = (name: string): Uint8Array =>
  Buffer.from(readFileSync(new URL(`${name}.hex`, golden), 'utf8').replaceAll(/\s/g, ''), 'hex');

const unsealed = (bytes: Uint8Array): unknown[] => (unpack(bytes) as unknown[]).slice(0, 11);

describe('golden files', () => {
  it('exist for every event in its present version', () => {
    expect(
      [...CODECS.values()]
        .map(({ type, version }) => nameOf(type, version))
        .filter((name) => !names.includes(`v2/${name}`)),
    ).toEqual([]);
  });

  it.each(names)('%s says today what it said when it was written', (name) => {
    const expected = JSON.parse(readFileSync(new URL(`${name}.json`, golden), 'utf8')) as Golden;
    expect(decodeEnvelope(expected.stream, expected.seq, bytesOf(name), keyOf)).toEqual(expected);
  });

  const first = [...CODECS.keys()]
    .filter((type) => versionAt(1, type) > 0)
    .map((type) => `v1/${nameOf(type, versionAt(1, type))}`);
  it('exist for every event that is written at the first level, as it is written there', () => {
    expect(first.filter((name) => !names.includes(name))).toEqual([]);
  });

  it.each(names.filter((name) => first.includes(name)))(
    '%s is written today as it was then, in a cluster at the first level',
    (name) => {
      const {
        hash: _hash,
        seq: _seq,
        ...draft
      } = JSON.parse(readFileSync(new URL(`${name}.json`, golden), 'utf8')) as Golden & EnvelopeDraft;
      const bytes = encodeEnvelope(draft, keyOf, 1);
      // What is sealed is sealed anew each time.
      expect(unsealed(bytes)).toEqual(unsealed(bytesOf(name)));
      expect(decodeEnvelope('golden', 1, bytes, keyOf).events).toEqual(draft.events);
    },
  );

  it('say in which level each version is written', () => {
    for (const { type, version } of CODECS.values())
      expect([type, versionAt(FEATURE_LEVEL, type)]).toEqual([type, version]);
    expect(versionAt(FEATURE_LEVEL, 'Envelope')).toBe(ENVELOPE_VERSION);
  });

  it.each(names)('%s can be read without the tenant key', (name) => {
    expect(decodeEnvelope('golden', 1, bytesOf(name), () => null).events.length).toBeGreaterThan(0);
  });
});
