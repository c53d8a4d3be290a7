/** The tables as Postgres keeps them. Every column group of `task` has one source stream, and the positions of the
 * envelopes that told of it; `state` and `status` are computed over the groups, so that a row does not depend on the
 * order in which the streams were read. */

/** As it was at first; the present one is in `state-expression.ts`. */
export const STATE_EXPRESSION = `CASE
  WHEN owner_end IS NOT NULL THEN owner_end
  WHEN lease_phase IS NOT NULL
    AND (queue_phase IS NULL OR attempts > COALESCE(queue_attempt, 0) OR (attempts = COALESCE(queue_attempt, 0) AND lease_phase > queue_phase)) THEN
    CASE
      WHEN is_cancel_requested THEN 'cancelling'
      WHEN lease_phase = 4 OR lease_outcome = 'ok' THEN 'running'
      WHEN lease_outcome = 'cancelled' THEN 'cancelling'
      WHEN lease_outcome IN ('preempted', 'drained') THEN 'suspended'
      WHEN lease_outcome IN ('withdrawn', 'void', 'superseded') THEN 'queued'
      ELSE 'backing_off'
    END
  WHEN queue_phase IS NOT NULL THEN
    CASE
      WHEN queue_phase = 6 THEN 'backing_off'
      WHEN queue_phase = 8 THEN CASE WHEN is_cancel_requested THEN 'cancelling' ELSE 'backing_off' END
      WHEN queue_phase = 9 THEN 'ready'
      ELSE 'queued'
    END
  WHEN NOT is_due THEN 'scheduled'
  WHEN NOT is_released THEN 'blocked'
  ELSE 'ready'
END`;

export const STATUS_EXPRESSION = `CASE ${STATE_EXPRESSION}
  WHEN 'succeeded' THEN 'done' WHEN 'skipped' THEN 'done'
  WHEN 'failed' THEN 'failed' WHEN 'upstream_failed' THEN 'failed' WHEN 'cancelled' THEN 'failed' WHEN 'expired' THEN 'failed' WHEN 'dead' THEN 'failed'
  WHEN 'running' THEN 'in_progress' WHEN 'cancelling' THEN 'in_progress' WHEN 'starting' THEN 'in_progress'
  ELSE 'waiting'
END`;

/** `kept`: how `state` and `status` are kept. */
export const tables = (kept: 'VIRTUAL' | 'STORED'): readonly string[] => [
  `CREATE TABLE task (
    task_id bigint NOT NULL,
    tenant integer,
    user_id integer,
    workflow_id bigint,
    key text,
    name text,
    labels jsonb,
    kind text,
    script_path text,
    handler text,
    scheduling_type text,
    due_at timestamptz,
    queue text,
    priority integer,
    total_attempts integer,
    resource_requirements jsonb,
    execution_cap bigint,
    delay_tolerance bigint,
    rank integer,
    submitted_at timestamptz,
    admitted_node text,
    admitted_epoch integer,
    is_due boolean NOT NULL,
    is_released boolean NOT NULL,
    is_cancel_requested boolean NOT NULL,
    owner_end text,
    ended_at timestamptz,
    category text,
    error text,
    result jsonb,
    owner_seqs bigint[],
    queue_phase smallint,
    queue_attempt integer,
    queue_seqs bigint[],
    lease_phase smallint,
    lease_fence bigint,
    lease_outcome text,
    attempts integer,
    started_at timestamptz,
    lease_seqs bigint[],
    state text GENERATED ALWAYS AS (${STATE_EXPRESSION}) ${kept},
    status text GENERATED ALWAYS AS (${STATUS_EXPRESSION}) ${kept},
    CONSTRAINT task_pkey PRIMARY KEY (task_id)
  ) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.2)`,
  `CREATE INDEX task_workflow ON task (workflow_id, task_id) WHERE workflow_id IS NOT NULL`,
  // What has ended well is the bulk of the table: questions about the rest read these.
  `CREATE INDEX task_open ON task (task_id) WHERE owner_end IS NULL`,
  `CREATE INDEX task_ended_badly ON task (task_id) WHERE owner_end <> 'succeeded'`,
  `CREATE TABLE attempt (
    task_id bigint NOT NULL,
    fence bigint NOT NULL,
    attempt integer NOT NULL,
    tenant integer NOT NULL,
    worker text NOT NULL,
    cap bigint,
    started_at timestamptz,
    ended_at timestamptz,
    outcome text,
    exit_code integer,
    wall_ms double precision,
    cpu_ms double precision,
    max_rss_bytes bigint,
    error text,
    CONSTRAINT attempt_pkey PRIMARY KEY (task_id, fence)
  ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)`,
  `CREATE TABLE workflow (
    workflow_id bigint NOT NULL,
    tenant integer,
    user_id integer,
    name text,
    labels jsonb,
    task_count integer,
    submitted_at timestamptz,
    state text,
    ended_at timestamptz,
    owner_seqs bigint[],
    CONSTRAINT workflow_pkey PRIMARY KEY (workflow_id)
  ) WITH (fillfactor = 80)`,
  `CREATE TABLE worker (
    worker text NOT NULL,
    incarnation text,
    kind text,
    name text,
    tenant integer,
    capacity jsonb,
    handlers jsonb,
    labels jsonb,
    gateway text,
    is_cordoned boolean NOT NULL,
    gone text,
    joined_at timestamptz,
    gone_at timestamptz,
    lease_seq bigint NOT NULL,
    CONSTRAINT worker_pkey PRIMARY KEY (worker)
  )`,
  `CREATE TABLE spec (
    stream text NOT NULL,
    n integer NOT NULL,
    kind text NOT NULL,
    handler text,
    queue text NOT NULL,
    priority integer NOT NULL,
    total_attempts integer NOT NULL,
    resource_requirements jsonb NOT NULL,
    execution_cap bigint NOT NULL,
    delay_tolerance bigint,
    spec jsonb NOT NULL,
    CONSTRAINT spec_pkey PRIMARY KEY (stream, n)
  )`,
  `CREATE TABLE checkpoint (
    projection text NOT NULL,
    stream text NOT NULL,
    seq bigint NOT NULL,
    hash text NOT NULL,
    CONSTRAINT checkpoint_pkey PRIMARY KEY (projection, stream)
  ) WITH (fillfactor = 50)`,
  `COMMENT ON COLUMN task.execution_cap IS 'longest run of one attempt from the grant of its lease, ms'`,
  `COMMENT ON COLUMN task.delay_tolerance IS 'longest wanted wait from eligible to first start, ms; null = none named'`,
  `COMMENT ON COLUMN task.resource_requirements IS 'cpu and gpu in thousandths, memory and disk in bytes, network in bit/s, others as counts'`,
  `COMMENT ON COLUMN task.total_attempts IS 'executions in all, the first included'`,
  `COMMENT ON COLUMN task.owner_seqs IS 'sequences in tasks-<partition of the id> that tell of this task; queue_seqs: in the queue stream; lease_seqs: in the leases stream'`,
  `COMMENT ON COLUMN attempt.cap IS 'ms'`,
  // Where TypeORM keeps what it can't ask of Postgres.
  `CREATE TABLE IF NOT EXISTS typeorm_metadata (type varchar NOT NULL, database varchar, schema varchar, "table" varchar, name varchar, value text)`,
];
