import type { NodeHeartbeat } from '@yardmaster/contracts';
import { levelOf, type SeenNode } from '@yardmaster/domain';
import type { Clock } from '@yardmaster/kernel';

/** Between two looks no more time than this counts: whoever did not listen for a while cannot say that others were silent. */
const ATTENTION_MS = 1_200;
/** A node that is gone is shown for this long. */
const REMEMBER_MS = 600_000;

interface Heard {
  beat: NodeHeartbeat;
  at: number;
  /** Earlier processes of this name: what they still say is late. */
  readonly before: Set<string>;
}

/** Who was heard and when, in time that this process really listened. */
export class NodeRoster {
  readonly #heard = new Map<string, Heard>();
  #lookedAt: number;
  #listened = 0;
  /** Grows with every heartbeat that says something new. */
  changes = 0;

  constructor(private readonly clock: Clock) {
    this.#lookedAt = clock.monotonic();
  }

  /** Time that this process has listened, ms. */
  now(): number {
    const mono = this.clock.monotonic();
    this.#listened += Math.min(Math.max(0, mono - this.#lookedAt), ATTENTION_MS);
    this.#lookedAt = mono;
    return this.#listened;
  }

  heard(beat: NodeHeartbeat): void {
    const at = this.now();
    const known = this.#heard.get(beat.node);
    if (known === undefined) {
      this.#heard.set(beat.node, { beat, at, before: new Set() });
      this.changes++;
      return;
    }
    if (known.before.has(beat.incarnation)) return;
    if (known.beat.incarnation !== beat.incarnation) known.before.add(known.beat.incarnation);
    if (saysAnother(known.beat, beat)) this.changes++;
    known.beat = beat;
    known.at = at;
  }

  beats(): { readonly beat: NodeHeartbeat; readonly silentMs: number }[] {
    const now = this.now();
    for (const [node, { at }] of this.#heard) if (now - at > REMEMBER_MS) this.#heard.delete(node);
    return [...this.#heard.values()].map(({ beat, at }) => ({ beat, silentMs: now - at }));
  }

  seen(): SeenNode[] {
    return this.beats().map(({ beat, silentMs }) => ({
      node: beat.node,
      incarnation: beat.incarnation,
      service: beat.service,
      level: levelOf(beat.level, beat.reads),
      offers: beat.offers,
      held: Object.fromEntries(beat.roles.map(({ role, epoch }) => [role, epoch])),
      outranked: beat.outranked,
      isLeaving: beat.isLeaving,
      silentMs,
    }));
  }
}

function saysAnother(a: NodeHeartbeat, b: NodeHeartbeat): boolean {
  const told = ({ incarnation, offers, isLeaving, roles, outranked }: NodeHeartbeat): string =>
    JSON.stringify([incarnation, offers, isLeaving, roles, outranked]);
  return told(a) !== told(b);
}
