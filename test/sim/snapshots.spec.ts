import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readerOf, roleFolds } from '@yardmaster/contracts';
import { evolvePartition, KEEP_ENDED_MS, partitionRows, PartitionState } from '@yardmaster/domain';
import { framesOf, readSnapshotHeader } from '@yardmaster/service-kit';
import { asTaskId } from '@yardmaster/kernel';
import { MemorySnapshotStore, submittedTask } from '@yardmaster/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { foldedRoles, keystore, snapshotterOf } from './snapshots.js';
import { differences, dumpRoles } from './state-dump.js';
import { draft, handlerSpec, World } from './world.js';

const worlds: World[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.stop();
});

/** A cell with work of every kind under way, and snapshots of all its roles. */
async function lived(): Promise<{ world: World; store: MemorySnapshotStore }> {
  const world = new World({
    partitions: 1,
    monitor: true,
    firstKeys: [{ role: 'operator', name: 'first', key: 'k', keyId: 'k1' }],
  });
  worlds.push(world);
  await world.start();
  const worker = world.worker('w1', { capacity: { slots: 3 } });
  let began = 0;
  worker.outcome = () => (++began % 3 === 0 ? null : began % 3 === 1 ? 'ok' : 'app');
  worker.join();
  await world.quiet();
  for (const name of ['a', 'b'])
    await world.admit(0, [draft(name), draft(`${name}2`, { parents: [0] })], {
      workflow: { name, labels: { team: 'x' } },
      claim: { key: `key-${name}`, body: 'body' },
    });
  await world.admit(0, [draft('later', { dueAt: world.clock.now() + 60_000 }), draft('big')], {
    specs: [handlerSpec({ resources: { slots: 3 } })],
  });
  // Long enough for an alert.
  await world.pass(20_000);
  await world.pass(3_000);
  const store = new MemorySnapshotStore();
  await snapshotterOf(world, store).runOnce();
  return { world, store };
}

const fileOf = (store: MemorySnapshotStore, folder: string): [string, Uint8Array] => {
  const [found] = [...store.files].filter(([name]) => name.startsWith(`${folder}/`));
  if (found === undefined) throw new Error(`no snapshot of ${folder}`);
  return found;
};

describe('snapshots', () => {
  it('are taken of every role once, and not again while nothing happens', async () => {
    const { world, store } = await lived();
    expect([...store.files.keys()].map((name) => name.split('/')[0]).sort()).toEqual(
      [...roleFolds(1).keys()].map((role) => role.replace('/', '-')).sort(),
    );
    expect(await snapshotterOf(world, store).runOnce()).toBe(0);
    const { resumed, roles } = await foldedRoles(world, store);
    expect([resumed, roles.length]).toEqual([7, 7]);
  });

  it('hold what tenants said under their keys alone', async () => {
    const { world } = await lived();
    const store = new MemorySnapshotStore();
    await world.admit(0, [draft('canary-5c1f')], { specs: [handlerSpec()] });
    await snapshotterOf(world, store).runOnce();
    const [, bytes] = fileOf(store, 'submitter-0');
    const { header, body } = readSnapshotHeader(bytes);
    const said = (keyOf: (tenant: number) => Uint8Array | null): string =>
      JSON.stringify([...framesOf(header, body, keyOf)]);
    expect(said(keystore.keyOf)).toContain('canary-5c1f');
    expect(said(() => null)).not.toContain('canary-5c1f');
    // Erased, the task is still there.
    const fold = roleFolds(1).get('submitter/0')?.();
    if (fold === undefined) throw new Error('no such role');
    const read = readerOf(fold.snapshot, 1);
    for (const rows of framesOf(header, body, () => null)) for (const row of rows) read(row);
    expect(JSON.stringify([...fold.snapshot.rows(header.at)])).toContain('(erased)');
  });

  it('count only while the log says the same: a flipped bit, a cut file, another log and newer rows are each named', async () => {
    const { world, store } = await lived();
    const whole = dumpRoles((await foldedRoles(world, null)).roles);
    const [name, bytes] = fileOf(store, 'queue-main');
    const line = bytes.indexOf(10);
    const spoil = (change: (header: Record<string, unknown>) => void): Uint8Array => {
      const header = JSON.parse(Buffer.from(bytes.subarray(0, line)).toString()) as Record<string, unknown>;
      change(header);
      return Buffer.concat([Buffer.from(JSON.stringify(header)), bytes.subarray(line)]);
    };
    const flipped = Uint8Array.from(bytes);
    flipped[flipped.length - 9] = (flipped.at(-9) ?? 0) ^ 1;
    const cases: [Uint8Array, RegExp][] = [
      [flipped, /was changed or cut short: its sha256/],
      [bytes.slice(0, bytes.length - 20), /was changed or cut short: its sha256/],
      [bytes.slice(0, 30), /has no header/],
      [spoil((h) => (h['schema'] = 99)), /rows of version 99, newer than this program reads \(1\)/],
      [spoil((h) => (h['version'] = 99)), /is of version 99, newer/],
      [spoil((h) => (h['role'] = 'ids')), /is one of ids/],
      [
        spoil(
          (h) => ((h['positions'] as Record<string, { hash: string }>)['queue-main']!.hash = '0'.repeat(64)),
        ),
        /another envelope \d+ of queue-main than the log has/,
      ],
      [
        spoil((h) => ((h['positions'] as Record<string, { seq: number }>)['queue-main']!.seq += 1_000)),
        /has seen queue-main up to 10\d\d, and the log ends at/,
      ],
    ];
    for (const [spoilt, reason] of cases) {
      store.files.set(name, spoilt);
      const ignored: string[] = [];
      const { resumed, roles } = await foldedRoles(world, store, ignored);
      expect(resumed).toBe(6);
      expect(ignored).toMatchObject([expect.stringMatching(reason)]);
      expect(differences(whole, dumpRoles(roles))).toEqual([]);
    }
  });

  it('leave out what ended long ago, and keep a parent that somebody still waits behind', () => {
    const state = new PartitionState(0);
    const origin = { at: 1_000, node: 'n', epoch: 1 };
    const submit = (id: string, more: object = {}): void => {
      evolvePartition(
        state,
        submittedTask(asTaskId(id), { user: 1, sealed: draft(id).content, ...more }),
        origin,
      );
    };
    evolvePartition(state, { type: 'SpecDefined', n: 0, spec: handlerSpec() }, origin);
    submit('1');
    submit('2');
    submit('3', { needs: ['2'], open: 1 });
    for (const id of ['1', '2'])
      evolvePartition(
        state,
        { type: 'TaskSucceeded', id: id as never, tenant: 1, attempt: 1, released: [], sealed: null },
        origin,
      );
    const kept = (at: number): unknown[] =>
      [...partitionRows(state, at)]
        .filter(({ fields }) => fields[0] === 'task')
        .map(({ fields }) => fields[1]);
    expect(kept(1_000 + KEEP_ENDED_MS - 1)).toEqual(['1', '2', '3']);
    expect(kept(1_000 + KEEP_ENDED_MS)).toEqual(['2', '3']);
  });
});

/** Bytes of every version of every kind of snapshot that was ever written, with their rows: added to by GOLDEN=write, never changed. */
const folder = new URL('./golden/snapshots/', import.meta.url);

describe('golden snapshots', () => {
  it('exist for every kind in its present version', async () => {
    if (process.env['GOLDEN'] === 'write') {
      mkdirSync(folder, { recursive: true });
      const { store } = await lived();
      for (const [role, make] of roleFolds(1)) {
        const { kind, snapshot } = make();
        const name = `${kind}.v${String(snapshot.version)}`;
        if (existsSync(new URL(`${name}.base64`, folder))) continue;
        const [, bytes] = fileOf(store, role.replace('/', '-'));
        const { header, body } = readSnapshotHeader(bytes);
        const rows = [...framesOf(header, body, keystore.keyOf)].flat();
        const text =
          Buffer.from(bytes)
            .toString('base64')
            .match(/.{1,120}/g) ?? [];
        writeFileSync(new URL(`${name}.base64`, folder), `${text.join('\n')}\n`);
        writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(rows, null, 1)}\n`);
      }
    }
    const files = readdirSync(folder);
    for (const make of roleFolds(1).values()) {
      const { kind, snapshot } = make();
      expect(files).toContain(`${kind}.v${String(snapshot.version)}.base64`);
    }
  });

  const names = existsSync(folder)
    ? readdirSync(folder).flatMap((file) => (file.endsWith('.base64') ? [file.replace('.base64', '')] : []))
    : [];
  it.each(names)('%s says today what it said when it was written', (name) => {
    const text = readFileSync(new URL(`${name}.base64`, folder), 'utf8');
    const expected: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
    const { header, body } = readSnapshotHeader(Buffer.from(text, 'base64'));
    const rows = [...framesOf(header, body, keystore.keyOf)].flat();
    expect(JSON.parse(JSON.stringify(rows))).toEqual(expected);
    const fold = roleFolds(1).get(header.role)?.();
    if (fold === undefined) throw new Error(`no role ${header.role}`);
    const read = readerOf(fold.snapshot, header.schema);
    for (const row of rows) read(row);
    // In its present version, a state writes the rows that it was read from.
    if (header.schema === fold.snapshot.version)
      expect([...fold.snapshot.rows(header.at)].map(({ fields }) => fields)).toEqual(
        rows.map(({ fields }) => fields),
      );
  });
});
