import { describeSeat } from '@yardmaster/testkit';
import { MemorySeats } from './memory-seats.js';

describeSeat('memory', () => {
  let now = 0;
  const seats = new MemorySeats(() => now);
  return Promise.resolve({
    open: (holder) => Promise.resolve(seats.open(holder)),
    pass: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
});
