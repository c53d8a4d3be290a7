import { YardError, type LimitsCommand, type TokenGrant } from '@yardmaster/contracts';
import { describe, expect, it } from 'vitest';
import { FakeBus, identity, no, ok } from '../testing/fake-yard.js';
import { TokenBlocks } from './token-blocks.js';

/** A ratelimiter that grants blocks of `block` tokens out of `left`. */
function limiter(
  left: number,
  block: number,
  limit = left,
): { bus: FakeBus; asked: LimitsCommand[]; tokens: TokenBlocks; now: { ms: number } } {
  const bus = new FakeBus();
  const asked: LimitsCommand[] = [];
  const now = { ms: 0 };
  let free = left;
  let number = 0;
  bus.answers.set('yard.cmd.v1.limits', (command: LimitsCommand) => {
    asked.push(command);
    if (command.op === 'give-back') free += command.count;
    if (command.op !== 'grant') return ok({});
    if (command.need > free)
      return no('rate-limit-exceeded', 'used up', { retryAfter: 60, extra: { limit, remaining: free } });
    const count = Math.min(free, Math.max(command.need, block));
    free -= count;
    return ok<TokenGrant>({ block: ++number, count, until: now.ms + 10_000, limit, remaining: free });
  });
  return {
    bus,
    asked,
    now,
    tokens: new TokenBlocks(bus, { now: () => now.ms, monotonic: () => now.ms }, 'g1'),
  };
}

const limited = identity('submitter', 2, { tasksPerHour: 5_000 });
const grants = (asked: LimitsCommand[]): number => asked.filter(({ op }) => op === 'grant').length;

describe('token blocks', () => {
  it('ask nobody for whoever has no limit', () => {
    const { tokens, asked } = limiter(0, 0);
    expect(tokens.take(identity('operator'), 10_000)).not.toBeInstanceOf(Promise);
    expect(asked).toEqual([]);
  });

  it('serve many requests from one block, and one of many at a time', async () => {
    const { tokens, asked } = limiter(5_000, 25);
    await Promise.all(Array.from({ length: 25 }, async () => await tokens.take(limited, 1)));
    expect(grants(asked)).toBe(1);
    await tokens.take(limited, 1);
    expect(grants(asked)).toBe(2);
  });

  it('never use more than was granted, nor anything after the block ends', async () => {
    const { tokens, asked, now } = limiter(100, 50);
    await tokens.take(limited, 10);
    now.ms = 20_000;
    await tokens.take(limited, 10);
    expect(grants(asked)).toBe(2);
    await expect(Promise.resolve(tokens.take(limited, 60))).rejects.toMatchObject({
      code: 'rate-limit-exceeded',
    });
    await tokens.take(limited, 40);
    await expect(Promise.resolve(tokens.take(limited, 1))).rejects.toBeInstanceOf(YardError);
  });

  it('take back what a refused request did not use', async () => {
    const { tokens, asked } = limiter(5_000, 10);
    const receipt = await tokens.take(limited, 10);
    tokens.giveBack(receipt);
    await tokens.take(limited, 10);
    expect(grants(asked)).toBe(1);
  });

  it('send scarce tokens home at once', async () => {
    const { tokens, asked } = limiter(5, 1);
    const scarce = identity('submitter', 3, { tasksPerHour: 5 });
    const receipt = await tokens.take(scarce, 5);
    expect(receipt.limit).toMatchObject({ limit: 5, remaining: 0 });
    await expect(Promise.resolve(tokens.take(scarce, 1))).rejects.toMatchObject({
      code: 'rate-limit-exceeded',
    });
    tokens.giveBack(receipt, 2);
    expect(asked.at(-1)).toMatchObject({ op: 'give-back', tenant: 3, block: 1, count: 2 });
    await tokens.take(scarce, 2);
  });

  it('smooth the burst of a second', async () => {
    const { tokens, now } = limiter(5_000, 5_000);
    const bursting = identity('submitter', 4, { tasksPerHour: 5_000, burstPerSecond: 10 });
    for (let i = 0; i < 10; i++) await tokens.take(bursting, 1);
    expect(() => tokens.take(bursting, 1)).toThrow(YardError);
    now.ms += 1_000;
    await tokens.take(bursting, 1);
  });
});
