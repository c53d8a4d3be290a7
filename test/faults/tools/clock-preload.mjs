// Loaded before a process of the yard: sets its wall clock off by as many ms as a file says, which is read again every 100 ms.
// The monotonic clock and timers stay as they are, as when an operator sets the time of a machine.
import { readFileSync } from 'node:fs';

const file = process.env.FAULT_CLOCK;
if (file !== undefined) {
  const Real = Date;
  let offMs = 0;
  const look = () => {
    try {
      offMs = Number(readFileSync(file, 'utf8')) || 0;
    } catch {
      offMs = 0;
    }
  };
  look();
  setInterval(look, 100).unref();
  globalThis.Date = new Proxy(Real, {
    construct: (target, args, as) =>
      Reflect.construct(target, args.length === 0 ? [Real.now() + offMs] : args, as),
    apply: () => new Real(Real.now() + offMs).toString(),
    get: (target, key) => (key === 'now' ? () => Real.now() + offMs : Reflect.get(target, key)),
  });
}
