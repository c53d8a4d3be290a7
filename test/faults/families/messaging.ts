import { randomBytes } from 'node:crypto';
import { allStreams, commands, eventSubject, pack, streams } from '@yardmaster/contracts';
import type { Fault, Scene, Strike } from '../fault.js';
import { BrokerAdmin } from '../tools/broker-admin.js';
import { until } from '../tools/until.js';
import { counter } from './looks.js';

export const MESSAGING_FAULTS: readonly Fault[] = [
  {
    name: 'garbage-on-subjects',
    family: 'messaging',
    of: '56',
    what: 'bytes that are no message on the subject of every command',
    on: 'apart',
    strike: (scene) => garbage(scene),
  },
  {
    name: 'garbage-on-subjects-of-one-process',
    family: 'messaging',
    of: '56',
    what: 'bytes that are no message on the subject of every command',
    on: 'alone',
    strike: (scene) => garbage(scene),
  },
  {
    name: 'foreign-message-in-a-stream',
    family: 'messaging',
    of: '56',
    what: 'somebody else writes into `tasks-0`, `queue-main` and `leases-main` what is no envelope',
    on: 'apart',
    strike: (scene) => foreign(scene),
  },
  {
    name: 'foreign-message-in-a-stream-of-one-process',
    family: 'messaging',
    of: '56',
    what: 'somebody else writes into `tasks-0`, `queue-main` and `leases-main` what is no envelope',
    on: 'alone',
    strike: (scene) => foreign(scene),
  },
  {
    name: 'every-command-three-times',
    family: 'messaging',
    of: '52',
    what: 'every command between services, every frame of and for workers, twice more, for 6 s',
    on: 'apart',
    holdMs: 6_000,
    strike: (scene) => echo(scene, [0, 0]),
  },
  {
    name: 'every-command-again-later',
    family: 'messaging',
    of: '53',
    what: 'every command between services, every frame of and for workers, once more 1 to 5 s later',
    on: 'apart',
    holdMs: 6_000,
    strike: (scene) => echo(scene, [1_000 + scene.random.below(4_000)]),
  },
  {
    name: 'leaders-step-down',
    family: 'messaging',
    of: '51',
    what: 'the leader of every stream is told to step down, one after the other, twice',
    on: 'apart',
    holdMs: 0,
    strike: async ({ yard }) => {
      await using admin = await BrokerAdmin.of(yard.servers);
      let moved = 0;
      for (let round = 0; round < 2; round++)
        for (const stream of await admin.streamNames())
          if (await admin.stepDown(stream).catch(() => false)) moved++;
      return { proof: async () => ({ hit: moved > 10, seen: `${String(moved)} leaders stepped down` }) };
    },
  },
  {
    name: 'consumers-deleted',
    family: 'messaging',
    of: '33, 59',
    what: 'every consumer of every stream is deleted under those who read',
    on: 'apart',
    strike: (scene) => deleteConsumers(scene),
  },
  {
    name: 'consumers-of-one-process-deleted',
    family: 'messaging',
    of: '33, 59',
    what: 'every consumer of every stream is deleted under those who read',
    on: 'alone',
    strike: (scene) => deleteConsumers(scene),
  },
];

async function garbage({ yard, random }: Scene): Promise<Strike> {
  const before = await counter(yard, 'yard_bad_messages_total');
  const subjects = [
    ...Array.from({ length: 8 }, (_, p) => commands.tasks(p)),
    commands.limits,
    commands.ids,
    commands.cluster,
    commands.monitor,
    commands.queue(),
    commands.batcher(),
    commands.leases(),
    commands.leaseFrames(),
    ...[...yard.nodes.keys()].flatMap((node) => [commands.node(node), commands.worker(node)]),
  ];
  await using admin = await BrokerAdmin.of(yard.servers);
  let sent = 0;
  for (const subject of subjects) {
    for (const data of [
      new Uint8Array(0),
      randomBytes(1 + random.below(300)),
      pack({ op: 'no-such-command' }),
      pack([1, 2, 3]),
      pack(null),
    ]) {
      admin.connection.publish(subject, data);
      sent++;
    }
  }
  await admin.connection.flush();
  return {
    proof: async () => {
      const more = (await counter(yard, 'yard_bad_messages_total')) - before;
      return { hit: more > 0, seen: `${String(sent)} were sent, ${String(more)} set aside` };
    },
  };
}

async function foreign({ yard }: Scene): Promise<Strike> {
  const names = [streams.tasks(0), streams.queue(), streams.leases()];
  await using admin = await BrokerAdmin.of(yard.servers);
  for (const name of names) {
    await admin.connection.request(eventSubject(name), randomBytes(80), { timeout: 10_000 });
  }
  return {
    proof: async () => {
      const { items } = await yard.client.deadLetters({ limit: 200 });
      const found = names.filter((name) => items.some(({ subject }) => subject.startsWith(`${name} #`)));
      return { hit: found.length === names.length, seen: `passed over and set aside in ${found.join(', ')}` };
    },
  };
}

/** Says every command again after each of `delaysMs`, until healed. Nobody hears the second answers. */
async function echo({ yard }: Scene, delaysMs: readonly number[]): Promise<Strike> {
  const admin = await BrokerAdmin.of(yard.servers);
  const mark = 'Fault-Run';
  let echoed = 0;
  let waiting = 0;
  const { headers } = await import('@nats-io/transport-node');
  const subscription = admin.connection.subscribe('yard.cmd.v1.>', {
    callback: (error, message) => {
      if (error !== null || message.headers?.has(mark) === true) return;
      const data = message.data.slice();
      const marked = headers();
      for (const [name, values] of message.headers ?? [])
        for (const value of values) marked.append(name, value);
      marked.set(mark, '1');
      const again = (): void => {
        const reply = message.reply === undefined || message.reply === '' ? undefined : 'fault.run.nobody';
        admin.connection.publish(message.subject, data, {
          headers: marked,
          ...(reply === undefined ? {} : { reply }),
        });
        echoed++;
      };
      for (const delay of delaysMs) {
        waiting++;
        setTimeout(() => {
          waiting--;
          again();
        }, delay);
      }
    },
  });
  return {
    heal: async () => {
      subscription.unsubscribe();
      await until('the last echoes', () => waiting === 0);
      await admin.connection.flush();
      await admin.connection.close();
    },
    proof: async () => ({ hit: echoed > 100, seen: `${String(echoed)} messages were said again` }),
  };
}

async function deleteConsumers({ yard }: Scene): Promise<Strike> {
  await using admin = await BrokerAdmin.of(yard.servers);
  let deleted = 0;
  for (const stream of allStreams(8)) {
    const names: string[] = [];
    for await (const { name } of admin.manager.consumers.list(stream)) names.push(name);
    for (const name of names)
      if (await admin.manager.consumers.delete(stream, name).catch(() => false)) deleted++;
  }
  return { proof: async () => ({ hit: deleted > 0, seen: `${String(deleted)} consumers were deleted` }) };
}
