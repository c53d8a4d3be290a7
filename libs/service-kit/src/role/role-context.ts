import type { DomainEvent } from '@yardmaster/contracts';
import type { Clock } from '@yardmaster/kernel';
import type { Bus } from '../bus/bus.js';
import type { WorkerOutbox } from '../bus/worker-outbox.js';
import type { CommitLedger } from '../log/commit-ledger.js';
import type { Hosted } from './hosted.js';
import type { RoleDoors } from './role-doors.js';
import type { EventOrigin, LogPlace, RoleContext } from './role.js';

/** What the host does for the contexts of its roles. */
export interface ContextParts {
  readonly node: string;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly outbox: WorkerOutbox;
  readonly doors: Pick<RoleDoors, 'here'>;
  /** Another one after each time that the host was dropped. */
  readonly ledger: () => CommitLedger;
  readonly level: () => number;
  /** A role has news: it wants a turn. */
  readonly touch: () => void;
  /** A role wants its turn at an earlier time than before. */
  readonly arm: () => void;
}

/** The context of a role that was taken over: what it decides goes to its writer, and is folded at once. */
export function openContext(hosted: Hosted, parts: ContextParts): RoleContext {
  const { runner, writer, role, assigned } = hosted;
  const { node, clock, bus, outbox, doors, ledger, touch, arm } = parts;
  const epoch = role.stream === null ? (assigned ?? 1) : runner.epoch;
  let draws = 0;
  let origin: EventOrigin = { stream: role.stream ?? '', at: 0, node, epoch };
  return {
    epoch,
    node,
    get level() {
      return parts.level();
    },
    outbox,
    now: () => (writer === null ? clock.now() : writer.now()),
    random: () => mix((writer?.seed ?? 1) + Math.imul(++draws, 0x9e3779b9)),
    commit: (events: readonly DomainEvent[], effect?: (place: LogPlace) => void, bytes = 0) => {
      if (writer === null) throw new Error(`${role.name} has no stream to commit to`);
      // Whoever waited for something is answered already, and what it would have decided is another's to decide.
      if (hosted.isClosed) return;
      writer.add(events, effect, bytes);
      const at = writer.now();
      if (origin.at !== at) origin = { ...origin, at };
      for (const event of events) runner.fold(event, origin);
      touch();
    },
    effect: (run) => {
      if (hosted.isClosed) return;
      // Undecided news of this very turn counts too: it is proposed before the turn ends.
      if (writer?.hasPending === true) writer.add([], run, 0);
      else ledger().when(ledger().issued, run);
    },
    wakeAt: (time) => {
      if (time >= hosted.wakeAt) return;
      hosted.wakeAt = time;
      arm();
    },
    tell: (subject, body) => {
      if (hosted.isClosed) return;
      const here = doors.here(subject);
      if (here !== undefined) here(body);
      // What another process is told may rest on nothing that is not on disk.
      else
        ledger().when(ledger().issued, () => {
          bus.publish(subject, body);
        });
    },
  };
}

/** splitmix32, in [0, 1). */
function mix(x: number): number {
  let z = (x + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return ((z ^ (z >>> 15)) >>> 0) / 0x1_0000_0000;
}
