import { createHash } from 'node:crypto';
import { YardError } from '@yardmaster/contracts';
import { describe, expect, it } from 'vitest';
import { FakeBus, identity, keyNamed, no, ok } from '../testing/fake-yard.js';
import { Authenticator, bearerKey } from './authenticator.js';

function authenticator(requestsPerSecond = 1000): {
  bus: FakeBus;
  auth: Authenticator;
  now: { ms: number };
  asked: () => number;
} {
  const bus = new FakeBus();
  const now = { ms: 0 };
  const known = createHash('sha256').update(keyNamed('good')).digest('hex');
  bus.answers.set('yard.cmd.v1.limits', ({ hash }: { hash: string }) =>
    hash === known ? ok(identity('submitter')) : no('unauthenticated'),
  );
  return {
    bus,
    now,
    auth: new Authenticator(
      bus,
      { now: () => now.ms, monotonic: () => now.ms },
      { requestsPerSecond, burst: requestsPerSecond },
    ),
    asked: () => bus.asked.length,
  };
}

const bearer = (name: string): string => `Bearer ${keyNamed(name)}`;

describe('keys', () => {
  it('are asked about once a minute, however many requests come at once', async () => {
    const { auth, now, asked } = authenticator();
    await Promise.all([auth.identify(bearer('good')), auth.identify(bearer('good'))]);
    expect(auth.identify(bearer('good'))).toMatchObject({ identity: { role: 'submitter' }, scope: 1 });
    expect(asked()).toBe(1);
    now.ms = 61_000;
    await auth.identify(bearer('good'));
    expect(asked()).toBe(2);
  });

  it('are forgotten at once when they are revoked', async () => {
    const { auth, bus } = authenticator();
    await auth.identify(bearer('good'));
    bus.publish('yard.tel.v1.key-revoked', {
      hash: createHash('sha256').update(keyNamed('good')).digest('hex'),
    });
    expect(auth.identify(bearer('good'))).toBeInstanceOf(Promise);
  });

  it('that are not known are not asked about again and again', async () => {
    const { auth, asked } = authenticator();
    await expect(Promise.resolve(auth.identify(bearer('bad')))).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    expect(() => auth.identify(bearer('bad'))).toThrow(YardError);
    expect(asked()).toBe(1);
  });

  it('that cannot be keys are refused without a question', () => {
    const { auth, asked } = authenticator();
    const wrongSum = `Bearer ${keyNamed('good').slice(0, -1)}${keyNamed('good').endsWith('0') ? '1' : '0'}`;
    for (const junk of [
      undefined,
      '',
      'Bearer',
      'Bearer junk',
      'Basic YTpi',
      'bearer yk_local_a_b',
      wrongSum,
      `Bearer ${'x'.repeat(10_000)}`,
    ]) {
      expect(() => auth.identify(junk), junk).toThrow(YardError);
    }
    expect(asked()).toBe(0);
    expect(bearerKey(`bearer ${keyNamed('good')}`)).toBe(keyNamed('good'));
  });

  it('cannot send more requests a second than they may', async () => {
    const { auth, now } = authenticator(10);
    await auth.identify(bearer('good'));
    for (let i = 0; i < 10; i++) void auth.identify(bearer('good'));
    expect(() => auth.identify(bearer('good'))).toThrow(/too many requests/);
    now.ms += 1_000;
    expect(auth.identify(bearer('good'))).toMatchObject({ scope: 1 });
  });

  it('cannot be checked while the ratelimiter is away, which is no refusal of the key', async () => {
    const { auth, bus } = authenticator();
    bus.answers.clear();
    await expect(Promise.resolve(auth.identify(bearer('good')))).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});
