import { resolveConfig } from '@yardmaster/composition';
import { code, table } from './markdown.js';
import { sourceFiles } from './source-files.js';

export interface Variable {
  readonly name: string;
  readonly by: 'yard' | 'servers' | 'clients' | 'agent' | 'tests' | 'attempt';
  readonly says: string;
  readonly otherwise?: string;
}

const defaults = resolveConfig({}, 'x');

export const VARIABLES: readonly Variable[] = [
  {
    name: 'YARD_HOME',
    by: 'yard',
    says: 'state directory; deleting it is a clean start',
    otherwise: '`.yard`',
  },
  {
    name: 'YARD_ARCHIVE',
    by: 'yard',
    says: "folder of the log's archive, or `s3://bucket/prefix` with the AWS SDK's variables; on another disk than the broker's it is a second copy in earnest. All services of one yard name the same",
    otherwise: '`archive` under `YARD_HOME`',
  },
  {
    name: 'YARD_HTTP_PORT',
    by: 'yard',
    says: 'port of HTTP; 0 = any free one',
    otherwise: code(String(defaults.httpPort)),
  },
  {
    name: 'YARD_GRPC_PORT',
    by: 'yard',
    says: 'port of gRPC; 0 = any free one',
    otherwise: code(String(defaults.grpcPort)),
  },
  { name: 'YARD_HOST', by: 'yard', says: 'address to listen on', otherwise: code(defaults.host) },
  {
    name: 'YARD_NODE',
    by: 'yard',
    says: 'name of this process in `/v1/cluster` and in the log; unique',
    otherwise: 'service, host and a random part',
  },
  {
    name: 'YARD_LOG_LEVEL',
    by: 'yard',
    says: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`',
    otherwise: code(defaults.logLevel),
  },
  {
    name: 'YARD_ALERT_WEBHOOK',
    by: 'yard',
    says: 'alerts are posted here as JSON when raised and when cleared',
    otherwise: 'none',
  },
  {
    name: 'YARD_SNAPSHOT_MESSAGES',
    by: 'yard',
    says: "a role's snapshot is due after so many messages of its streams; 0 = none is taken. Read by whoever keeps the archive: the projector",
    otherwise: code(String(defaults.snapshotMessages)),
  },
  {
    name: 'YARD_PURGE',
    by: 'yard',
    says: '`on`: what is archived, behind a snapshot of every role and read by every follower leaves the broker; `off`: nothing does',
    otherwise: '`on`',
  },
  {
    name: 'YARD_PURGE_KEEP_MESSAGES',
    by: 'yard',
    says: 'messages of each stream that stay in the broker all the same',
    otherwise: code(String(defaults.purgeKeepMessages)),
  },
  {
    name: 'YARD_FEATURE_LEVEL',
    by: 'yard',
    says: 'highest feature level that this process says it can work at: a cluster with it is not raised beyond',
    otherwise: 'that of the program',
  },
  {
    name: 'YARD_HAND_OVER',
    by: 'yard',
    says: '`proposed`: roles of one process see envelopes before they are on disk; `committed`: after',
    otherwise: code(defaults.handOver),
  },
  {
    name: 'YARD_REBUILD',
    by: 'yard',
    says: '`1`: make Postgres and the graph anew from the log at this start',
  },
  {
    name: 'YARD_NATS_URL',
    by: 'servers',
    says: 'a nats-server of yours',
    otherwise: 'one is run for this state directory',
  },
  { name: 'YARD_NATS_SYSTEM_URL', by: 'servers', says: 'its system account, to read its `sync_interval`' },
  { name: 'YARD_NATS_USER', by: 'servers', says: 'for a service that runs alone: user of the broker' },
  {
    name: 'YARD_NATS_PASSWORD',
    by: 'servers',
    says: 'for a service that runs alone: password of the broker',
  },
  {
    name: 'YARD_NATS_SYNC',
    by: 'servers',
    says: 'for a service that runs alone: `always` when the broker is known to sync every message',
  },
  {
    name: 'YARD_NATS_REPLICAS',
    by: 'servers',
    says: 'for a service that runs alone: `3` when the broker is a cluster of three and streams have three copies',
    otherwise: '`1`',
  },
  {
    name: 'YARD_NATS_SERVER',
    by: 'servers',
    says: 'a nats-server binary to run',
    otherwise: 'from `PATH`, else built or fetched once',
  },
  {
    name: 'YARD_DURABILITY',
    by: 'servers',
    says: '`unverified`: go on with a broker whose `sync_interval` is not known to be `always`',
  },
  {
    name: 'YARD_POSTGRES_URL',
    by: 'servers',
    says: 'a Postgres of yours',
    otherwise: 'one is run for this state directory',
  },
  {
    name: 'YARD_NEO4J_URL',
    by: 'servers',
    says: 'a Neo4j of yours',
    otherwise: 'one is run where Java and Maven are present',
  },
  { name: 'YARD_NEO4J_USER', by: 'servers', says: 'its user, when the address does not name one' },
  { name: 'YARD_NEO4J_PASSWORD', by: 'servers', says: 'its password, when the address does not name one' },
  {
    name: 'YARD_CACHE',
    by: 'servers',
    says: 'where server binaries and jars are kept for all yards of a user',
    otherwise: '`~/.cache/yardmaster`',
  },
  {
    name: 'YARD_URL',
    by: 'clients',
    says: 'address of the yard',
    otherwise: '`context.json` of the state directory',
  },
  { name: 'YARD_TOKEN', by: 'clients', says: 'key', otherwise: 'the key that `context.json` points to' },
  { name: 'YARD_TOKEN_FILE', by: 'clients', says: 'for an agent: file with its key' },
  {
    name: 'YARD_AGENT_DIR',
    by: 'agent',
    says: 'its state: journal of reports, scripts, output not yet uploaded',
    otherwise: '`agent/` of the state directory',
  },
  { name: 'YARD_AGENT_NAME', by: 'agent', says: 'shown in lists', otherwise: "the host's name" },
  {
    name: 'YARD_AGENT_ID',
    by: 'agent',
    says: 'id of the worker',
    otherwise: 'made once and kept in its directory',
  },
  {
    name: 'YARD_AGENT_LABELS',
    by: 'agent',
    says: '`name=value`, separated by commas; tasks ask for them with `constraints.require`',
  },
  {
    name: 'YARD_AGENT_CPU',
    by: 'agent',
    says: 'processors to offer, as in `4` or `500m`',
    otherwise: 'what the machine has',
  },
  {
    name: 'YARD_AGENT_MEMORY',
    by: 'agent',
    says: 'memory to offer, as in `8G`',
    otherwise: 'what the machine has',
  },
  { name: 'YARD_AGENT_DISK', by: 'agent', says: 'disk to offer', otherwise: 'what is free' },
  { name: 'YARD_AGENT_RESOURCES', by: 'agent', says: 'anything else, as in `iops=5000,licence=3`' },
  {
    name: 'YARD_AGENT_MAX_ATTEMPTS',
    by: 'agent',
    says: 'attempts at once, whatever their resources say',
    otherwise: '`256`',
  },
  {
    name: 'YARD_AGENT_LOG_CAP',
    by: 'agent',
    says: 'how much is kept of each output stream of an attempt',
    otherwise: '`64Mi`',
  },
  {
    name: 'YARD_AGENT_SHELL',
    by: 'agent',
    says: 'the bash that launches attempts, or `none`',
    otherwise: 'the first in `PATH`',
  },
  { name: 'YARD_TEST_POSTGRES_URL', by: 'tests', says: 'a Postgres for integration specs' },
  { name: 'YARD_INPUT', by: 'attempt', says: 'file with the JSON of `run.input`' },
  { name: 'YARD_PARENTS', by: 'attempt', says: 'file with the results of the parents: a JSON object by key' },
  { name: 'YARD_OUTPUT', by: 'attempt', says: 'file to write the result to, as JSON' },
  { name: 'YARD_TASK_ID', by: 'attempt', says: 'id of the task' },
  { name: 'YARD_ATTEMPT', by: 'attempt', says: '1 for the first attempt' },
  { name: 'YARD_FENCE', by: 'attempt', says: 'grows with every lease of the task' },
  {
    name: 'YARD_CHECKPOINT_DIR',
    by: 'attempt',
    says: 'a directory of the task, kept over its attempts on one machine',
  },
  { name: 'YARD_DEADLINE', by: 'attempt', says: 'when its execution cap is up, in ms since 1970' },
];

export function variableTable(by: Variable['by']): string {
  const rows = VARIABLES.filter((v) => v.by === by);
  const isWithDefault = rows.some(({ otherwise }) => otherwise !== undefined);
  return table(
    ['variable', 'meaning', ...(isWithDefault ? ['otherwise'] : [])],
    rows.map(({ name, says, otherwise }) => [code(name), says, ...(isWithDefault ? [otherwise ?? ''] : [])]),
  );
}

/** Every `YARD_...` name that the product's own code mentions. */
export function variablesInCode(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { text } of sourceFiles('apps', 'libs', 'scripts')) {
    for (const [name] of text.matchAll(/\bYARD_[A-Z0-9]+(?:_[A-Z0-9]+)*\b/g)) found.add(name);
  }
  return found;
}
