import { rmSync } from 'node:fs';
import path from 'node:path';
import { DiskLogArchive } from '@yardmaster/archive-disk';
import { streams } from '@yardmaster/contracts';
import { openNatsEventLog } from '@yardmaster/eventlog-nats';
import { FileTenantKeystore } from '@yardmaster/keystore-file';
import { Yard } from '@yardmaster/sdk';
import { verifyArchive, withArchive } from '@yardmaster/service-kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faultsOf, readLog } from '../checkers/index.js';
import { Broker } from '../support/broker.js';
import { killTree, until } from '../support/processes.js';
import { startYard, type StartedYard } from './start-yard.js';

describe('the archive of a yard', () => {
  let yard: StartedYard;
  beforeAll(async () => {
    yard = await startYard();
  });
  afterAll(async () => {
    await yard?.stop();
    if (yard === undefined) return;
    await killTree(yard.home);
    rmSync(yard.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  it('brings back a yard and its views when the front of every stream is gone', async () => {
    const { home } = yard;
    await work(yard);
    const archive = new DiskLogArchive(path.join(home, 'archive'));
    const broker = await Broker.of(home);
    try {
      const heads = Object.entries(await broker.heads()).filter(([name]) => isArchived(name));
      await until('the archive', async () => {
        const reports = await Promise.all(heads.map(([name]) => verifyArchive(archive, name)));
        return reports.every(({ last }, i) => last >= (heads[i]?.[1] ?? 0));
      });
      const reports = await Promise.all(heads.map(([name]) => verifyArchive(archive, name)));
      expect(reports.flatMap(({ faults }) => faults)).toEqual([]);
      for (const [name, last] of heads) if (last > 1) await broker.purgeFront(name, last);
    } finally {
      await broker.close();
    }
    await yard.stop({ keep: true });
    yard = await startYard({ home, env: { YARD_REBUILD: '1' } });
    await using client = new Yard({ url: yard.url, token: yard.token });
    await until(
      'the list',
      async () => (await client.tasks.list({ status: 'done', limit: 100 })).items.length === 24,
    );
    await work(yard);
  });

  it('holds, with the log, a history in which every invariant holds', async () => {
    const broker = await Broker.of(yard.home);
    const stored = await openNatsEventLog({
      ...broker.access,
      name: 'checker',
      replicas: 1,
      syncAlways: true,
    });
    try {
      const log = withArchive(stored, new DiskLogArchive(path.join(yard.home, 'archive')));
      const names = Object.keys(await broker.heads()).filter(isArchived);
      const record = await readLog(log, new FileTenantKeystore(path.join(yard.home, 'keys')), names);
      expect(record.disk(streams.queue())[0]?.seq).toBe(1);
      expect(faultsOf(record, { isDrained: true })).toEqual([]);
      const told = names.flatMap((name) => record.disk(name)).flatMap(({ events }) => events);
      expect(told.filter(({ type }) => type === 'TaskSucceeded')).toHaveLength(48);
    } finally {
      await stored.close();
      await broker.close();
    }
  });
});

const isArchived = (name: string): boolean =>
  /^(tasks|queue|leases)-|^(cluster|accounts|ids|alerts)$/.test(name);

async function work({ url, token }: StartedYard): Promise<void> {
  await using yard = new Yard({ url, token });
  const run = { command: ['true'] };
  const bulk = await yard.tasks.submitMany(
    Array.from({ length: 20 }, (_, i) => ({ name: `n${String(i)}`, run })),
  );
  const workflow = await yard.workflows.submit({
    name: 'w',
    tasks: {
      a: { run },
      b: { run, dependsOn: ['a'] },
      c: { run, dependsOn: ['a'] },
      d: { run, dependsOn: ['b', 'c'] },
    },
  });
  for (const item of bulk) if (item.ok) await item.task.wait({ timeout: '60s' });
  await workflow.wait({ timeout: '60s' });
}
