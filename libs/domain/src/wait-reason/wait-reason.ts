/** Why a task waits: the first of these that applies. The words are the same in the API, events and metric labels. */
export const WAIT_REASONS = [
  'held',
  'awaiting-input',
  'not-due',
  'blocked-by-parents',
  'queue-paused',
  'outside-window',
  'max-running',
  'over-quota',
  'concurrency-key',
  'throttled',
  'retry-budget',
  'fair-share',
  'lower-priority',
  'no-worker-matches',
  'insufficient-resources',
  'reserved-for-larger',
  'backing-off',
  'gang-incomplete',
  'awaiting-batch',
] as const;

export type WaitReason = (typeof WAIT_REASONS)[number];

/** What each means, for people. */
export const WAIT_REASON_TEXT: Readonly<Record<WaitReason, string>> = {
  held: 'held by a person or a policy',
  'awaiting-input': 'wants an approval or an event',
  'not-due': 'due later',
  'blocked-by-parents': 'a parent has not ended',
  'queue-paused': 'its queue is paused',
  'outside-window': 'its queue is outside its window',
  'max-running': 'as many tasks run as may',
  'over-quota': 'its tenant is at its quota',
  'concurrency-key': 'as many tasks of its concurrency key run as may',
  throttled: 'its queue starts no more tasks this second',
  'retry-budget': 'too many retries of its tenant are under way',
  'fair-share': 'other tenants are further below their share',
  'lower-priority': 'others go first',
  'no-worker-matches': 'no worker offers what it needs',
  'insufficient-resources': 'no matching worker has enough free',
  'reserved-for-larger': 'the free capacity is reserved for a larger task',
  'backing-off': 'failed and waits before its next attempt',
  'gang-incomplete': 'not all members of its gang fit yet',
  'awaiting-batch': 'goes with the next batch',
};

/** The one to show of several that apply; null of none. */
export function foremost(reasons: Iterable<WaitReason>): WaitReason | null {
  const apply = new Set(reasons);
  return WAIT_REASONS.find((reason) => apply.has(reason)) ?? null;
}
