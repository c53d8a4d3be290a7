import { MemorySnapshotStore } from '@yardmaster/testkit';
import { describe, expect, it } from 'vitest';
import { FOLLOWER_ABSENT_MS, FollowerRegister } from './follower-register.js';

describe('the register of followers', () => {
  it('remembers over a restart who is away, for a day', async () => {
    const store = new MemorySnapshotStore();
    const before = new FollowerRegister(store);
    before.heard('node/a', { s: 5 }, 1_000);
    await before.save();
    const after = new FollowerRegister(store);
    await after.load();
    after.heard('node/b', { s: 9 }, 2_000);
    expect(after.floor('s', 3_000)).toBe(5);
    expect(after.floor('s', 1_001 + FOLLOWER_ABSENT_MS)).toBe(9);
  });

  it('forgets who said goodbye, though it was written down before', async () => {
    const register = new FollowerRegister(new MemorySnapshotStore());
    await register.load();
    register.heard('node/a', { s: 5 }, 1_000);
    await register.save();
    register.left('node/a');
    await register.load();
    expect(register.floor('s', 2_000)).toBe(Infinity);
  });
});
