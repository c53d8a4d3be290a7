import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { SERVICES, type ServiceName } from '@yardmaster/contracts';

const STOP_PATIENCE_MS = 26_000;

/** One process: the nth of its service. Its name stays when it is started again. */
export interface ServicePlace {
  readonly service: ServiceName;
  readonly nth: number;
  readonly node: string;
}

export interface ServiceProcessesOptions {
  /** Processes of each service. */
  readonly replicas: number;
  /** Checkout that a process runs from; null = this one. */
  readonly from: (place: ServicePlace) => string | null;
  /** What ends is started again after so long; Infinity: it stays down. */
  readonly restartAfterMs: number;
  readonly env: (place: ServicePlace) => NodeJS.ProcessEnv;
  readonly onEnded: (place: ServicePlace, how: string) => void;
}

/** Each service as processes of its own; one that ends is started again, until `stop`. */
export class ServiceProcesses {
  readonly #children = new Map<string, ChildProcess>();
  readonly #places: readonly ServicePlace[];
  #stopping = false;

  constructor(private readonly options: ServiceProcessesOptions) {
    this.#places = SERVICES.flatMap((service) =>
      Array.from({ length: options.replicas }, (_, i) => ({
        service,
        nth: i + 1,
        node: `${service}-${String(i + 1)}`,
      })),
    );
  }

  start(): void {
    for (const place of this.#places) this.#start(place);
  }

  isUp(service: ServiceName, nth: number): boolean {
    return this.#children.has(`${service}-${String(nth)}`);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    // The gateways first, so that nothing new comes in; the rest together.
    const isGateway = ({ service }: ServicePlace): boolean => service === 'gateway';
    await Promise.all(this.#places.filter(isGateway).map((place) => this.#end(place)));
    await Promise.all(this.#places.filter((place) => !isGateway(place)).map((place) => this.#end(place)));
  }

  #start(place: ServicePlace): void {
    const from = this.options.from(place);
    const main = createRequire(from === null ? import.meta.url : path.resolve(from, 'package.json')).resolve(
      `@yardmaster/${place.service}/main`,
    );
    const child = spawn(process.execPath, ['--enable-source-maps', main], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...this.options.env(place), YARD_NODE: place.node },
    });
    this.#children.set(place.node, child);
    child.once('exit', (code, signal) => {
      this.#children.delete(place.node);
      if (this.#stopping) return;
      this.options.onEnded(place, signal ?? `exit code ${String(code)}`);
      const { restartAfterMs } = this.options;
      if (restartAfterMs === Infinity) return;
      setTimeout(() => {
        if (!this.#stopping) this.#start(place);
      }, restartAfterMs);
    });
  }

  async #end({ node }: ServicePlace): Promise<void> {
    const child = this.#children.get(node);
    if (child === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
      }, STOP_PATIENCE_MS);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      // One that was stopped by a signal hears nothing else.
      child.kill('SIGCONT');
      child.kill('SIGTERM');
    });
  }
}
