import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Yard } from '@yardmaster/sdk';
import { type Canary, faultsOfCanaries, type Transcript, unheard } from '../../checkers/index.js';
import type { Fault, Scene, Strike } from '../fault.js';

const TENANTS = ['ann', 'bob'];
/** What a tenant can ask that shows its own things, and should show nobody else's. */
const QUESTIONS = [
  '/v1/tasks?limit=1000',
  '/v1/workflows?limit=1000',
  '/v1/workers',
  '/v1/queues',
  '/v1/capacity',
];

export const CANARY_FAULTS: readonly Fault[] = [
  {
    name: 'canaries-of-two-tenants',
    family: 'hostile tasks',
    of: '74',
    what: 'two tenants put random words into names, labels, inputs, environments, outputs and results, and one reads what it can of the other',
    on: 'alone',
    holdMs: 0,
    strike: (scene) => canaries(scene),
  },
];

interface Tenant {
  readonly name: string;
  readonly client: Yard;
  readonly words: readonly string[];
  readonly ids: readonly string[];
}

async function canaries(scene: Scene): Promise<Strike> {
  const { yard } = scene;
  const tenants: Tenant[] = [];
  for (const name of TENANTS) tenants.push(await tenantWithWords(scene, name));
  const found: Canary[] = tenants.flatMap(({ name, words }) =>
    words.map((word): Canary => ({ word, owner: name })),
  );
  for (const secret of secretsOf(yard.home, yard.token)) found.push({ word: secret, owner: null });
  const transcripts: Transcript[] = [];
  for (const reader of tenants)
    for (const of of tenants)
      transcripts.push(...(await read(reader, QUESTIONS)), ...(await pry(reader, of)));
  const metrics = await fetch(`${yard.urls[0] ?? ''}/metrics`, {
    headers: { authorization: `Bearer ${yard.token}` },
  });
  transcripts.push({ where: 'the metrics', reader: null, text: await metrics.text() });
  transcripts.push(...filesUnder(path.join(yard.home, 'nats', 'store'), 'the log of the broker'));
  transcripts.push(...filesUnder(path.join(yard.home, 'archive'), 'the archive'));
  transcripts.push(...filesUnder(scene.places.output, 'what processes printed'), ...commandLines());
  for (const { client } of tenants) await client.close();
  const missed = unheard(found, transcripts);
  return {
    proof: async () => ({
      hit: missed.length === 0,
      seen:
        `${String(found.length)} words in ${String(transcripts.length)} answers, files and command lines` +
        (missed.length === 0 ? '' : `; ${String(missed.length)} words never arrived`),
      wrong: [...new Set(faultsOfCanaries(found, transcripts))],
    }),
  };
}

async function tenantWithWords({ yard, places }: Scene, of: string): Promise<Tenant> {
  const name = `${of}-${randomBytes(4).toString('hex')}`;
  const put = (where: string, json: unknown, method: 'PUT' | 'POST' = 'PUT'): Promise<{ key: string }> =>
    yard.client.call({ method, path: where, json, repeatable: false });
  await put(`/v1/tenants/${name}`, { subscription: 'operator' });
  const { key } = await put(`/v1/tenants/${name}/keys`, { role: 'submitter', name: 'canary' }, 'POST');
  const client = new Yard({ url: yard.urls[0] ?? '', token: key });
  const words = ['name', 'label', 'input', 'env', 'output', 'result'].map(
    (what) => `canary-${what}-${randomBytes(16).toString('hex')}`,
  );
  const [named, label, input, env, output, result] = words;
  const task = await client.tasks.submit({
    name: named ?? '',
    labels: { word: label ?? '' },
    run: {
      // Its environment shows in its output, and its result is made of what no argument says.
      command: [
        'sh',
        '-c',
        'echo "$WORD $OUT"; cat "$YARD_INPUT"; printf \'{"word":"%s"}\' "$RESULT" > "$YARD_OUTPUT"',
      ],
      env: { WORD: env ?? '', OUT: output ?? '', RESULT: result ?? '', TRUTH: places.truth },
      input: { word: input },
    },
    resources: { cpu: '50m' },
  });
  const { state } = await task.wait({ timeout: '60s' });
  if (state !== 'succeeded') throw new Error(`what ${name} submitted is ${state}`);
  return { name, client, words, ids: [task.id] };
}

/** What a tenant is answered to questions of its own, refusals too. */
async function read(reader: Tenant, paths: readonly string[]): Promise<Transcript[]> {
  const answers: Transcript[] = [];
  for (const where of paths) {
    const text = await reader.client
      .call({ method: 'GET', path: where, repeatable: true })
      .then((answer) => JSON.stringify(answer), String);
    answers.push({ where: `GET ${where}`, reader: reader.name, text });
  }
  return answers;
}

/** The same of tasks by their number, which may be another's. */
function pry(reader: Tenant, { ids }: Tenant): Promise<Transcript[]> {
  const parts = ['', '/events', '/attempts', '/logs', '/result', '/why', '/upstream', '/downstream'];
  return read(
    reader,
    ids.flatMap((id) => parts.map((part) => `/v1/tasks/${id}${part}`)),
  );
}

function secretsOf(home: string, token: string): string[] {
  const passwords = readFileSync(path.join(home, 'servers.secret.json'), 'utf8');
  const values = Object.values(JSON.parse(passwords) as Record<string, unknown>);
  return [token, ...values.filter((value): value is string => typeof value === 'string' && value.length > 8)];
}

function filesUnder(directory: string, what: string): Transcript[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name))
    .map((file) => ({
      where: `${what}, ${path.basename(file)}`,
      reader: null,
      text: readFileSync(file, 'latin1'),
    }));
}

function commandLines(): Transcript[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      let text = '';
      try {
        text = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      } catch {
        // It has ended.
      }
      return { where: 'a command line', reader: null, text };
    });
}
