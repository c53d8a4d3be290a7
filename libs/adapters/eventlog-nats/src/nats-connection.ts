import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';

const PING_INTERVAL_MS = 2_000;
const MAX_PINGS_OUT = 2;
const RECONNECT_WAIT_MS = 200;
const CONNECT_TIMEOUT_MS = 5_000;

export interface NatsOptions {
  /** One or several `nats://host:port`, separated by commas; may carry `user:password@`. */
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  /** Shown by the broker beside the connection. */
  readonly name: string;
}

/** A connection that comes back for ever and finds a half-open link within some 6 s: before the deadline of an append. */
export function connectNats(options: NatsOptions): Promise<NatsConnection> {
  return connect(resolveConnection(options));
}

export function resolveConnection(options: NatsOptions): ConnectionOptions {
  const urls = options.url
    .split(',')
    .map((url) => new URL(url.includes('://') ? url.trim() : `nats://${url.trim()}`));
  const [first] = urls;
  if (first === undefined) throw new Error('the NATS url is empty');
  const user = options.user ?? decodeURIComponent(first.username);
  const pass = options.password ?? decodeURIComponent(first.password);
  return {
    servers: urls.map((url) => `${url.hostname}:${url.port === '' ? '4222' : url.port}`),
    name: options.name,
    ...(user === '' ? {} : { user, pass }),
    ...(urls.some((url) => url.protocol === 'tls:') ? { tls: {} } : {}),
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    ignoreAuthErrorAbort: true,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    noAsyncTraces: true,
  };
}
