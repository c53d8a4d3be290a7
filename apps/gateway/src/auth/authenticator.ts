import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  YardError,
  commands,
  rejection,
  telemetry,
  type Identity,
  type LimitsCommand,
} from '@yardmaster/contracts';
import { Gcra } from '@yardmaster/domain';
import type { Clock } from '@yardmaster/kernel';
import type { Bus } from '@yardmaster/service-kit';
import { callerOf, type Caller } from './caller.js';

/** How long an answer of the ratelimiter is believed. */
export const IDENTITY_MS = 60_000;
/** How long a refused key is not asked about again. */
const REFUSED_MS = 5_000;
const MOST_KEYS = 50_000;
const MOST_REFUSED = 10_000;

const KEY = /^yk_[a-z0-9-]{1,20}_[0-9A-Za-z]{1,40}_[0-9A-Za-z]{43}[0-9a-f]{8}$/;

interface Known {
  readonly caller: Caller;
  readonly until: number;
  readonly rate: Gcra;
}

export interface AuthenticatorOptions {
  /** Requests a second of one key, and how many at once. */
  readonly requestsPerSecond?: number;
  readonly burst?: number;
}

/** Tells who a bearer key belongs to. Asks the ratelimiter once per key and minute; revocations are broadcast. */
export class Authenticator {
  readonly #known = new Map<string, Known>();
  readonly #refused = new Map<string, number>();
  readonly #asked = new Map<string, Promise<Caller>>();
  readonly #subscription: { stop(): void };
  readonly #requestsPerSecond: number;
  readonly #burst: number;

  constructor(
    private readonly bus: Bus,
    private readonly clock: Clock,
    { requestsPerSecond = 20_000, burst = 40_000 }: AuthenticatorOptions = {},
  ) {
    this.#requestsPerSecond = requestsPerSecond;
    this.#burst = burst;
    this.#subscription = bus.subscribe(telemetry.keyRevoked, (body) => {
      this.#revoked(body);
    });
  }

  stop(): void {
    this.#subscription.stop();
  }

  /** The caller at once when the key is known, else a promise. Throws and rejects with `unauthenticated`, `rate-limit-exceeded` or `unavailable`. */
  identify(authorization: string | undefined): Caller | Promise<Caller> {
    const key = bearerKey(authorization);
    if (key === null)
      throw unauthenticated(
        authorization === undefined
          ? 'send a key: `Authorization: Bearer yk_...`'
          : 'this is not a key of the yard',
      );
    const digest = hash('sha256', key, 'hex');
    const now = this.clock.monotonic();
    const known = this.#known.get(digest);
    if (known !== undefined && known.until > now) {
      const taken = known.rate.take(now);
      if (taken.ok) return known.caller;
      throw new YardError(
        rejection('rate-limit-exceeded', 'this key sends too many requests a second', {
          retryAfter: Math.max(1, Math.ceil(taken.retryAfterMs / 1000)),
        }),
      );
    }
    const refusedUntil = this.#refused.get(digest);
    if (refusedUntil !== undefined && refusedUntil > now)
      throw unauthenticated('this key is not known, or was revoked');
    let asked = this.#asked.get(digest);
    if (asked === undefined) {
      asked = this.#ask(digest).finally(() => {
        this.#asked.delete(digest);
      });
      this.#asked.set(digest, asked);
    }
    return asked;
  }

  async #ask(digest: string): Promise<Caller> {
    const command: LimitsCommand = { op: 'authenticate', hash: digest };
    const reply = await this.bus.request<Identity>(commands.limits, command, {
      patienceMs: 3_000,
      timeoutMs: 3_000,
    });
    const now = this.clock.monotonic();
    if (reply.ok) {
      const caller = callerOf(reply.value);
      const rate = this.#known.get(digest)?.rate ?? new Gcra(this.#requestsPerSecond, this.#burst);
      if (this.#known.size >= MOST_KEYS) this.#known.clear();
      this.#known.set(digest, { caller, until: now + IDENTITY_MS, rate });
      return caller;
    }
    if (reply.rejection.code === 'unauthenticated') {
      this.#known.delete(digest);
      if (this.#refused.size >= MOST_REFUSED) this.#refused.clear();
      this.#refused.set(digest, now + REFUSED_MS);
      throw unauthenticated('this key is not known, or was revoked');
    }
    throw new YardError(
      rejection('unavailable', 'keys cannot be checked just now; try again shortly', { retryAfter: 1 }),
    );
  }

  #revoked(body: unknown): void {
    const { hash: digest, keyId } = (body ?? {}) as { hash?: unknown; keyId?: unknown };
    if (typeof digest === 'string') this.#known.delete(digest);
    if (typeof keyId === 'string')
      for (const [known, { caller }] of this.#known)
        if (caller.identity.keyId === keyId) this.#known.delete(known);
  }
}

/** The key in a bearer header, or null when it cannot be one. */
export function bearerKey(authorization: string | undefined): string | null {
  if (authorization === undefined || authorization.length > 200) return null;
  const space = authorization.indexOf(' ');
  if (space !== 6 || authorization.slice(0, 6).toLowerCase() !== 'bearer') return null;
  const key = authorization.slice(7).trim();
  return KEY.test(key) && crc32(key.slice(0, -8)) === Number.parseInt(key.slice(-8), 16) ? key : null;
}

function unauthenticated(detail: string): YardError {
  return new YardError(rejection('unauthenticated', detail));
}
