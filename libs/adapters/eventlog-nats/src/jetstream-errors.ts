/** Error codes of the JetStream API that the log acts on. */
export const JS = {
  streamNotFound: 10059,
  messageNotFound: 10037,
  wrongLastSequence: 10071,
  wrongLastMsgId: 10070,
  wrongLastSequenceInFlight: 10164,
  insufficientStorage: 10047,
  insufficientStorageCluster: 10023,
  nameInUse: 10058,
} as const;

export interface ApiErrorBody {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

/** What the broker said no to, for good: repeating the request would not help. */
export class NatsLogError extends Error {
  override readonly name = 'NatsLogError';
  constructor(
    readonly code: string,
    message: string,
    readonly errCode: number | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const TRANSIENT = new Set([
  10005, // no suitable peers: one of them is offline and may come back
  10008, // JetStream not available now
  10009, // no leader
  10039, // not enabled for the account (while starting)
  10076, // not enabled (while starting)
  10158, // the same id is in process
]);

/** Leader elections, restarts, full queues: true when the same request may succeed soon. */
export function isTransient(error: ApiErrorBody): boolean {
  return error.code === 503 || TRANSIENT.has(error.err_code ?? 0);
}
