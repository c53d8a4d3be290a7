/** Fields that the contract names and this version does not serve: refused by name, never ignored. */
export const FIELDS_NOT_YET: ReadonlySet<string> = new Set([
  'container', 'http', 'concurrencyKey', 'artifacts', 'checkpoint', 'notify', 'prefer', 'avoid', 'tolerate',
  'cron', 'every', 'rrule', 'timeZone', 'overlapPolicy', 'catchupWindow', 'misfire', 'jitter', 'time', 'weekday', 'day', 'weight',
  'gang', 'array', 'join', 'onParentFailure', 'fanOut', 'deadline', 'grow', 'preemptible', 'waitForCapacity', 'leaseTtl',
  'cell', 'singleton', 'debounce', 'dataSubject', 'schedule', 'minRuntime', 'spillover', 'maxParallel', 'secrets',
]);

/** Values that the contract names and this version does not serve, by field. */
export const VALUES_NOT_YET: Readonly<Record<string, readonly string[]>> = {
  type: ['daily', 'weekly', 'monthly', 'annually', 'cron', 'every', 'rrule'],
  isolation: ['sandbox'],
  onDelay: ['fail'],
  when: ['afterNotOk', 'afterAny', 'afterCorr'],
  failureMode: ['stop-new', 'cancel-all'],
  strategy: ['locality', 'tetris', 'random'],
};
