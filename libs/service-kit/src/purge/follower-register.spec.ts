import { MemorySnapshotStore } from '@yardmaster/testkit';
import { describe, expect, it } from 'vitest';
import {
  type ClusterSeen,
  FOLLOWER_ABSENT_MS,
  FOLLOWER_GONE_MS,
  FollowerRegister,
} from './follower-register.js';

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

  it('lets go a node that is gone when others have what it had, soon but not at once', async () => {
    const store = new MemorySnapshotStore();
    const register = new FollowerRegister(store);
    await register.load();
    register.heard('node/a', { s: 5 }, 0, ['queue/main', 'ids']);
    register.heard('project/relational', { s: 9 }, 0);
    const seen = (nodes: string[], owners: [string, string][]): ClusterSeen => ({
      nodes: new Set(nodes),
      owners: new Map(owners),
    });
    const taken: [string, string][] = [
      ['queue/main', 'b'],
      ['ids', 'c'],
    ];
    register.succeeded(seen(['b', 'c'], taken), FOLLOWER_GONE_MS - 1);
    register.succeeded(seen(['a', 'b', 'c'], taken), FOLLOWER_GONE_MS);
    register.succeeded(seen(['b', 'c'], [['queue/main', 'b']]), FOLLOWER_GONE_MS);
    register.succeeded(
      seen(
        ['b', 'c'],
        [
          ['queue/main', 'b'],
          ['ids', 'a'],
        ],
      ),
      FOLLOWER_GONE_MS,
    );
    expect(register.floor('s', FOLLOWER_GONE_MS)).toBe(5);
    await register.save();
    const other = new FollowerRegister(store);
    await other.load();
    other.succeeded(seen(['b', 'c'], taken), FOLLOWER_GONE_MS);
    expect(other.floor('s', FOLLOWER_GONE_MS)).toBe(9);
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
