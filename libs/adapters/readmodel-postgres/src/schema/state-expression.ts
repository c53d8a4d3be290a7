/** State of a task from what its three streams said last; the join of the lifecycle rules, kept equal by a test. */
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
      WHEN queue_phase IN (6, 8) THEN CASE WHEN is_cancel_requested THEN 'cancelling' ELSE 'backing_off' END
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
