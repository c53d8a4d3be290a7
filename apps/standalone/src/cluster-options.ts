import { parseArgs } from 'node:util';

export interface ClusterOptions {
  /** Processes of each service. */
  readonly replicas: number;
  readonly natsServers: 1 | 3;
  /** Checkout that the first process of each service runs from; null = this one. */
  readonly from: string | null;
  /** Highest feature level of the nth process of each service; left out: that of its program. */
  readonly levels: readonly number[];
  /** A service that ends is started again after so long; Infinity: it stays down. */
  readonly restartAfterMs: number;
}

/** What `npm run dev:cluster -- ...` was told; an error names what is wrong. */
export function clusterOptions(args: readonly string[]): ClusterOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      replicas: { type: 'string', default: '1' },
      nats: { type: 'string', default: '1' },
      from: { type: 'string' },
      levels: { type: 'string', default: '' },
      'restart-after': { type: 'string', default: '0.5' },
      // As `npm start` has it; a cluster runs no example.
      'no-example': { type: 'boolean', default: false },
    },
  });
  const replicas = Number(values.replicas);
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > 9)
    throw new Error(`--replicas ${values.replicas}: 1 to 9 processes of each service`);
  if (values.nats !== '1' && values.nats !== '3')
    throw new Error(
      `--nats ${values.nats}: one nats-server, or three that hold three copies of every stream`,
    );
  const seconds = values['restart-after'] === 'never' ? Infinity : Number(values['restart-after']);
  if (Number.isNaN(seconds) || seconds < 0)
    throw new Error(
      `--restart-after ${values['restart-after']}: seconds until a service that ended is started again, or never`,
    );
  const levels = values.levels === '' ? [] : values.levels.split(',').map(Number);
  if (levels.some((level) => !Number.isInteger(level) || level < 1))
    throw new Error(`--levels ${values.levels}: a feature level for each process of a service, as in 1,2`);
  return {
    replicas,
    natsServers: values.nats === '3' ? 3 : 1,
    from: values.from ?? null,
    levels,
    restartAfterMs: seconds * 1_000,
  };
}
