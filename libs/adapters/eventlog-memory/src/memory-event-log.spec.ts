import { describeEventLog, type EventLogWorld } from '@yardmaster/testkit';
import { MemoryLogWorld } from './memory-log-world.js';

describeEventLog('memory', () => {
  const world = new MemoryLogWorld();
  const contract: EventLogWorld = {
    open: () => Promise.resolve(world.open()),
    observe: () => Promise.resolve(world.open()),
    loseAnswers: async (during) => {
      world.onPublish = () => 'lose-answer';
      await during();
      world.onPublish = null;
    },
    outage: async (during) => {
      world.hold();
      await during();
      world.release();
    },
    disconnect: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  return Promise.resolve(contract);
});
