import { fileURLToPath } from 'node:url';
import { Metadata, credentials, loadPackageDefinition, type Client, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { PROTO_FILES, PROTO_ROOT } from '@yardmaster/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeYard } from './fake-yard.js';

type Stub = Client &
  Record<
    string,
    (
      request: unknown,
      metadata: Metadata,
      callback: (error: ServiceError | null, answer: Record<string, unknown>) => void,
    ) => void
  >;
type Loaded = Record<
  string,
  Record<
    string,
    Record<string, new (address: string, channel: ReturnType<typeof credentials.createInsecure>) => Stub>
  >
>;

let yard: FakeYard;
let key: string;
const stubs: Stub[] = [];
let tasks: Stub;
let workflows: Stub;
let health: Stub;

beforeAll(async () => {
  yard = await FakeYard.open(null, true);
  key = yard.key('submitter');
  const definition = loadSync(
    PROTO_FILES.map((file) => fileURLToPath(new URL(file, PROTO_ROOT))),
    { includeDirs: [fileURLToPath(PROTO_ROOT)], longs: Number, enums: String },
  );
  const loaded = loadPackageDefinition(definition) as unknown as {
    yardmaster: Loaded[string];
    grpc: { health: Loaded[string] };
  };
  const address = `127.0.0.1:${String(yard.gateway.grpcPort)}`;
  const open = (
    Service: new (address: string, channel: ReturnType<typeof credentials.createInsecure>) => Stub,
  ): Stub => {
    const stub = new Service(address, credentials.createInsecure());
    stubs.push(stub);
    return stub;
  };
  tasks = open(loaded.yardmaster['v1']!['Tasks']!);
  workflows = open(loaded.yardmaster['v1']!['Workflows']!);
  health = open(loaded.grpc.health['v1']!['Health']!);
});
afterAll(async () => {
  for (const stub of stubs) stub.close();
  await yard.close();
});

async function call(
  stub: Stub,
  method: string,
  request: unknown,
  withKey: string | null = key,
): Promise<Record<string, unknown>> {
  const metadata = new Metadata();
  if (withKey !== null) metadata.set('authorization', `Bearer ${withKey}`);
  return await new Promise((resolve, reject) => {
    stub[method]!(request, metadata, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}

async function refusal(promise: Promise<unknown>): Promise<{ code: number; details: string; bin: string }> {
  const error = await promise.then(
    () => {
      throw new Error('was not refused');
    },
    (cause: unknown) => cause as ServiceError,
  );
  const [bin] = error.metadata.get('grpc-status-details-bin');
  return {
    code: error.code,
    details: error.details,
    bin: Buffer.isBuffer(bin) ? bin.toString('latin1') : '',
  };
}

describe('gRPC', () => {
  it('submits a task by the same rules as HTTP', async () => {
    const answer = await call(tasks, 'submit', {
      task: {
        name: 'over-grpc',
        run: { handler: 'resize', input: { structValue: { fields: { size: { numberValue: 3 } } } } },
        scheduling: { priority: 'high' },
        amounts: { amounts: { cpu: '500m' } },
      },
    });
    expect(answer['state']).toBe('ready');
    expect(yard.submitted.at(-1)).toMatchObject({
      tenant: 1,
      specs: [{ handler: 'resize', priority: 750, resources: { cpu: 500, slots: 1 } }],
      tasks: [{ content: { name: 'over-grpc', run: { input: { size: 3 } } } }],
    });
  });

  it('submits a workflow', async () => {
    const run = { handler: 'a' };
    const answer = await call(workflows, 'submit', {
      name: 'w',
      tasks: { first: { run }, second: { run, dependsOn: ['first'] } },
    });
    expect(Object.keys(answer['tasks'] as object)).toEqual(['first', 'second']);
  });

  it('refuses with the codes of the catalogue and google.rpc details', async () => {
    const invalid = await refusal(
      call(tasks, 'submit', { task: { run: { handler: 'a' }, executionCap: 'soon' } }),
    );
    expect(invalid.code).toBe(3);
    for (const text of ['google.rpc.ErrorInfo', 'invalid-request', 'google.rpc.BadRequest', 'executionCap'])
      expect(invalid.bin).toContain(text);
    expect(await refusal(call(tasks, 'submit', {}))).toMatchObject({ code: 3 });
    expect(await refusal(call(tasks, 'get', { id: yard.id(0) }))).toMatchObject({ code: 5 });
    expect(await refusal(call(tasks, 'get', { id: 'x' }))).toMatchObject({ code: 5 });
    expect(await refusal(call(tasks, 'get', { id: '1' }, null))).toMatchObject({ code: 16 });
    expect(await refusal(call(tasks, 'submit', { task: {} }, yard.key('viewer')))).toMatchObject({ code: 7 });
    const cycle = await refusal(
      call(workflows, 'submit', {
        name: 'w',
        tasks: {
          a: { run: { handler: 'a' }, dependsOn: ['b'] },
          b: { run: { handler: 'a' }, dependsOn: ['a'] },
        },
      }),
    );
    expect(cycle.bin).toContain('cycle-in-graph');
    yard.bus.answers.set('yard.cmd.v1.tasks.7', () => ({
      ok: false,
      rejection: { code: 'quota-exceeded', detail: 'full', retryAfter: 3 },
    }));
    expect((await refusal(call(tasks, 'get', { id: yard.id(7) }))).bin).toContain('google.rpc.RetryInfo');
  });

  it('tells its health without a key', async () => {
    expect(await call(health, 'check', {}, null)).toEqual({ status: 'NOT_SERVING' });
    await expect(call(health, 'check', { service: 'nothing' }, null)).rejects.toMatchObject({ code: 5 });
  });
});
