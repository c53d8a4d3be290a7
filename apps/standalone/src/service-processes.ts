import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';

/** Every service, in the order in which it helps to start them. */
export const SERVICES = [
  'ratelimiter',
  'idgen',
  'submitter',
  'batcher',
  'queue-manager',
  'resource-manager',
  'monitor',
  'projector',
  'gateway',
] as const;
export type ServiceName = (typeof SERVICES)[number];

const RESTART_MS = 500;
const STOP_PATIENCE_MS = 26_000;

/** Each service as a process of its own; one that ends is started again, until `stop`. */
export class ServiceProcesses {
  readonly #children = new Map<ServiceName, ChildProcess>();
  #stopping = false;

  constructor(
    private readonly env: NodeJS.ProcessEnv,
    private readonly onEnded: (service: ServiceName, how: string) => void,
  ) {}

  start(): void {
    for (const service of SERVICES) this.#start(service);
  }

  pids(): Readonly<Record<string, number | undefined>> {
    return Object.fromEntries([...this.#children].map(([service, child]) => [service, child.pid]));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    // The gateway first, so that nothing new comes in; the rest together.
    for (const group of [
      ['gateway'],
      SERVICES.filter((s) => s !== 'gateway'),
    ] as readonly (readonly ServiceName[])[]) {
      await Promise.all(group.map((service) => this.#end(service)));
    }
  }

  #start(service: ServiceName): void {
    const main = createRequire(import.meta.url).resolve(`@yardmaster/${service}/main`);
    const child = spawn(process.execPath, ['--enable-source-maps', main], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: this.env,
    });
    this.#children.set(service, child);
    child.once('exit', (code, signal) => {
      this.#children.delete(service);
      if (this.#stopping) return;
      this.onEnded(service, signal ?? `exit code ${String(code)}`);
      setTimeout(() => {
        if (!this.#stopping) this.#start(service);
      }, RESTART_MS);
    });
  }

  async #end(service: ServiceName): Promise<void> {
    const child = this.#children.get(service);
    if (child === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
      }, STOP_PATIENCE_MS);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      child.kill('SIGTERM');
    });
  }
}
