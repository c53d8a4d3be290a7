import { connect, type Socket } from 'node:net';
import { YardApiError } from '@yardmaster/sdk';
import type { Fault, Scene } from '../fault.js';
import { useOf } from '../../support/processes.js';
import { until } from '../tools/until.js';
import { child } from './looks.js';

const KIB = 1_024;

export const LOAD_FAULTS: readonly Fault[] = [
  {
    name: 'burst',
    family: 'load',
    of: '83',
    what: '5,000 tasks at once on top of the load',
    on: 'alone',
    holdMs: 0,
    strike: async ({ yard }) => {
      const tasks = Array.from({ length: 5_000 }, () => ({
        name: 'burst',
        run: { handler: 'work', input: { ms: 0 } },
      }));
      const items = await yard.client.tasks.submitMany(tasks);
      const accepted = items.flatMap((item) => (item.ok ? [item.task.id] : []));
      const last = accepted.at(-1) ?? '';
      await until('the end of the burst', async () => (await yard.client.tasks.get(last)).status === 'done', {
        withinMs: 180_000,
        everyMs: 500,
      });
      return {
        proof: async () => ({
          hit: accepted.length === 5_000,
          seen: `${String(accepted.length)} accepted and done`,
        }),
      };
    },
  },
  {
    name: 'idle-connections',
    family: 'load',
    of: '83',
    what: '2,000 connections that say nothing, and 200 that say a request one letter at a time, for 8 s',
    on: 'alone',
    holdMs: 8_000,
    strike: async ({ yard, load }) => {
      const port = Number(new URL(yard.urls[0] ?? '').port);
      const open: Socket[] = [];
      let refused = 0;
      const dial = (): Socket => {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => refused++);
        open.push(socket);
        return socket;
      };
      for (let n = 0; n < 2_000; n++) dial();
      const slow = Array.from({ length: 200 }, dial);
      const text = 'POST /v1/tasks HTTP/1.1\r\nhost: x\r\ncontent-length: 999\r\n';
      let at = 0;
      const timer = setInterval(() => {
        const letter = text[at++ % text.length] ?? '\n';
        for (const socket of slow) if (socket.writable) socket.write(letter);
      }, 200);
      const accepted = load.accepted;
      return {
        heal: async () => {
          clearInterval(timer);
          for (const socket of open) socket.destroy();
        },
        proof: async () => ({
          hit: load.accepted > accepted + 20,
          seen: `${String(open.length - refused)} connections were held; ${String(load.accepted - accepted)} accepted meanwhile and after`,
        }),
      };
    },
  },
  {
    name: 'slow-reader',
    family: 'load',
    of: '57',
    what: '20 followers of the event stream that never read, for 10 s, while 2,000 tasks run',
    on: 'alone',
    holdMs: 10_000,
    strike: async ({ yard }) => {
      const { port } = new URL(yard.urls[0] ?? '');
      const main = child(yard.nodes, 'yard');
      const before = useOf(main.pid).rssMb;
      const followers = Array.from({ length: 20 }, () => {
        const socket = connect(Number(port), '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write(`GET /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${yard.token}\r\n\r\n`);
        socket.pause();
        return socket;
      });
      const tasks = Array.from({ length: 2_000 }, () => ({
        name: 'seen',
        run: { handler: 'work', input: { ms: 0 } },
      }));
      await yard.client.tasks.submitMany(tasks);
      let after = 0;
      return {
        heal: async () => {
          after = useOf(main.pid).rssMb;
          for (const socket of followers) socket.destroy();
        },
        proof: async () => ({
          hit: followers.length === 20,
          seen: `memory went from ${before.toFixed(0)} to ${after.toFixed(0)} MB`,
          wrong: after > before + 400 ? [`I18 memory grew by ${(after - before).toFixed(0)} MB`] : [],
        }),
      };
    },
  },
  {
    name: 'bodies-too-large',
    family: 'load',
    of: '81',
    what: 'inputs of 0 B, just below, at and above every limit, up to 20 MiB',
    on: 'alone',
    holdMs: 0,
    strike: async (scene) => {
      const sizes = [
        0,
        8 * KIB - 10,
        8 * KIB + 10,
        255 * KIB,
        257 * KIB,
        1_024 * KIB,
        1_024 * KIB + 1,
        20 * 1_024 * KIB,
      ];
      const codes: string[] = [];
      for (const size of sizes) codes.push(await codeOf(scene, sized(size)));
      return {
        proof: async () => ({
          hit: codes.includes('ok') && codes.includes('payload-too-large'),
          seen: sizes.map((size, i) => `${String(size)} B: ${codes[i] ?? ''}`).join(', '),
          wrong: codes
            .filter((code) => !['ok', 'payload-too-large'].includes(code))
            .map((code) => `81 ${code}`),
        }),
      };
    },
  },
  {
    name: 'impossible-graphs',
    family: 'load',
    of: '82',
    what: 'cycles of 2 and of 20,000, an edge to itself, an unknown parent, the same edge twice; and a chain of 3,000',
    on: 'alone',
    holdMs: 0,
    strike: async ({ yard }) => {
      const graphs: [name: string, expected: string, tasks: Record<string, unknown>][] = [
        ['cycle of 2', 'cycle-in-graph', ring(2)],
        ['cycle of 20,000', 'cycle-in-graph', ring(20_000)],
        ['edge to itself', 'cycle-in-graph', { a: task(['a']) }],
        ['unknown parent', 'unknown-parent', { a: task(['b']) }],
        ['chain of 3,000', 'ok', chain(3_000)],
      ];
      const found: string[] = [];
      const wrong: string[] = [];
      for (const [name, expected, tasks] of graphs) {
        let code = 'ok';
        try {
          const { id } = await yard.client.workflows.submit({ name: 'graph', tasks } as never);
          await yard.client.workflows.cancel(id);
        } catch (error) {
          code = error instanceof YardApiError ? error.code : String(error);
        }
        found.push(`${name}: ${code}`);
        if (code !== expected) wrong.push(`82 ${name} was answered ${code}, not ${expected}`);
      }
      return { proof: async () => ({ hit: found.length === graphs.length, seen: found.join(', '), wrong }) };
    },
  },
  {
    name: 'a-million-queued',
    family: 'load',
    of: '80',
    what: '1,000,000 tasks wait, and everything is started again',
    on: 'alone',
    missing: () => 'measured by `npm run bench`, not here',
    strike: () => Promise.reject(new Error('measured elsewhere')),
  },
];

function sized(bytes: number): unknown {
  return { name: 'sized', run: { handler: 'work', input: { ms: 0, fill: 'x'.repeat(bytes) } } };
}

async function codeOf({ yard }: Scene, json: unknown): Promise<string> {
  try {
    await yard.client.call({ method: 'POST', path: '/v1/tasks', json, repeatable: false });
    return 'ok';
  } catch (error) {
    return error instanceof YardApiError ? error.code : String(error);
  }
}

function task(dependsOn: readonly string[]): unknown {
  return { run: { handler: 'nobody' }, dependsOn };
}

function ring(n: number): Record<string, unknown> {
  return Object.fromEntries(
    Array.from({ length: n }, (_, i) => [`t${String(i)}`, task([`t${String((i + 1) % n)}`])]),
  );
}

function chain(n: number): Record<string, unknown> {
  return Object.fromEntries(
    Array.from({ length: n }, (_, i) => [`t${String(i)}`, task(i === 0 ? [] : [`t${String(i - 1)}`])]),
  );
}
