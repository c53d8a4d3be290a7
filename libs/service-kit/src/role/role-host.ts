import { createHash } from 'node:crypto';
import { commands, type ArchivedCommand, type Envelope, type Reply } from '@yardmaster/contracts';
import type { DomainEvent } from '@yardmaster/contracts';
import type { Clock } from '@yardmaster/kernel';
import type { AppendOutcome, EventLog, LogFollower, TenantKeystore } from '@yardmaster/ports';
import type { Bus } from '../bus/bus.js';
import { WorkerOutbox } from '../bus/worker-outbox.js';
import { CommitLedger } from '../log/commit-ledger.js';
import type { CommittedHub } from '../log/committed-hub.js';
import { StreamWriter } from '../log/stream-writer.js';
import { restore } from './restore.js';
import type { CommandHandler, EventOrigin, LogPlace, Role, RoleContext } from './role.js';
import { CAUSE_PATIENCE_MS, RoleRunner } from './role-runner.js';

export interface RoleHostOptions {
  readonly node: string;
  readonly log: EventLog;
  readonly keystore: TenantKeystore;
  readonly bus: Bus;
  readonly hub: CommittedHub;
  readonly clock: Clock;
  /** New role objects; called again after a failure, as state is never reused. */
  readonly roles: () => readonly Role[];
  /** `proposed`: roles of this process see each other's envelopes before they are on disk; `committed`: after. */
  readonly handOver: 'proposed' | 'committed';
  readonly onEvent?: (what: 'restored' | 'active' | 'failed', detail: string) => void;
  readonly observeCommit?: (stream: string, ms: number) => void;
}

interface Hosted {
  readonly role: Role;
  readonly runner: RoleRunner;
  writer: StreamWriter | null;
  context: RoleContext | null;
  wakeAt: number;
  /** Envelopes that wait until what the role decided without them is proposed. */
  inbox: Envelope[];
}

/**
 * Runs the roles of one process: restores them from the log, takes their streams over, hands envelopes from one to the other
 * and releases effects.
 *
 * A turn: every role with news decides (`advance`), every writer that may proposes, followers in this process fold what was
 * proposed, until nothing moves; then messages leave. Invariants: one writer per stream; effects in the order of the ledger;
 * a role folds nothing between a decision and its proposal, so that an envelope's causes are what it was decided from;
 * after any failed append the whole host is dropped and restored, as its state may rest on what is not in the log (I21).
 */
export class RoleHost {
  #hosted: Hosted[] = [];
  #followersOf = new Map<string, Hosted[]>();
  #ledger = new CommitLedger();
  #remote: LogFollower[] = [];
  #serving: { stop(): void }[] = [];
  #turnDue = false;
  #timer: NodeJS.Timeout | null = null;
  #timerAt = Infinity;
  #generation = 0;
  #stopped = false;
  #onActive: () => void = () => undefined;
  #local = new Map<string, (body: unknown) => void>();
  #proposed: Envelope[] = [];
  #isHandingOver = false;
  readonly outbox: WorkerOutbox;

  constructor(private readonly options: RoleHostOptions) {
    this.outbox = new WorkerOutbox((subject, bytes) => {
      options.bus.publishBytes(subject, bytes);
    });
  }

  /** Restores all roles, takes over, and resolves when each of them is active for the first time. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#onActive = resolve;
      this.#begin().catch(reject);
    });
  }

  async #begin(): Promise<void> {
    const { log } = this.options;
    const generation = ++this.#generation;
    this.#ledger = new CommitLedger();
    this.#hosted = this.options.roles().map((role) => ({
      role,
      runner: new RoleRunner(role),
      writer: null,
      context: null,
      wakeAt: Infinity,
      inbox: [],
    }));
    const streams = new Set(
      this.#hosted.flatMap(({ role }) =>
        role.stream === null ? role.follows : [role.stream, ...role.follows],
      ),
    );
    const heads = new Map<string, number>();
    for (const stream of streams) heads.set(stream, (await log.head(stream)).last);
    await Promise.all(
      this.#hosted.map(async ({ runner }) => {
        await restore(runner, log, this.options.keystore, heads);
      }),
    );
    if (generation !== this.#generation) return;
    this.#say('restored', `${String(this.#hosted.length)} roles`);
    this.#followersOf = new Map(
      [...streams].map((stream) => [stream, this.#hosted.filter(({ runner }) => runner.follows(stream))]),
    );
    const owned = new Set<string>();
    for (const hosted of this.#hosted) {
      if (hosted.role.stream !== null) {
        owned.add(hosted.role.stream);
        this.#openWriter(hosted, heads.get(hosted.role.stream) ?? 0);
      }
    }
    for (const stream of streams) {
      if (owned.has(stream)) continue;
      const onEnvelope = (envelope: Envelope): void => {
        if (generation === this.#generation) this.#deliver(envelope);
      };
      const follower = await this.options.hub.follow(stream, heads.get(stream) ?? 0, onEnvelope);
      if (generation !== this.#generation) {
        follower.stop();
        return;
      }
      this.#remote.push(follower);
    }
    // From here on roles decide. What came in before was only folded: the first thing that an owner writes is its takeover.
    for (const hosted of this.#hosted) this.#openContext(hosted);
    // Roles of this process hear each other from the start; others hear them once their takeover is on disk.
    for (const hosted of this.#hosted) this.#hearHere(hosted);
    for (const hosted of this.#hosted) this.#takeOver(hosted);
    this.#turn();
    this.#ledger.when(this.#ledger.issued, () => {
      for (const hosted of this.#hosted) this.#serve(hosted);
      this.#say('active', this.#hosted.map(({ role }) => role.name).join(' '));
      this.#onActive();
      this.touch();
    });
  }

  /** Positions applied, by role and stream. */
  status(): { role: string; epoch: number; positions: Record<string, number> }[] {
    return this.#hosted.map(({ role, runner }) => ({
      role: role.name,
      epoch: runner.epoch,
      positions: runner.positions(),
    }));
  }

  stop(): void {
    this.#stopped = true;
    this.#drop();
  }

  /** Takes nothing new, waits (at most 5 s) until everything proposed is on disk, and stops. */
  async close(): Promise<void> {
    for (const serving of this.#serving) serving.stop();
    this.#serving = [];
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 5_000);
      this.#ledger.when(this.#ledger.issued, () => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.outbox.flush();
    this.stop();
  }

  /** Asks for a turn soon: while work is on its way, after all input that is already here. */
  touch(): void {
    if (this.#turnDue || this.#stopped) return;
    this.#turnDue = true;
    // Nothing on its way to disk: the yard is idle, and waiting for more input would only cost latency.
    if (this.#ledger.settled)
      queueMicrotask(() => {
        this.#turn();
      });
    else
      setImmediate(() => {
        this.#turn();
      });
  }

  #turn(): void {
    this.#turnDue = false;
    if (this.#stopped) return;
    const now = this.options.clock.now();
    for (let moving = true; moving;) {
      moving = false;
      for (const hosted of this.#hosted) {
        if (hosted.context === null) continue;
        if (hosted.wakeAt <= now + (hosted.writer?.aheadOf(now) ?? 0)) hosted.wakeAt = Infinity;
        hosted.runner.releaseOverdue(now);
        hosted.role.advance(hosted.context);
      }
      for (const hosted of this.#hosted) {
        if (hosted.writer?.flush() === true) {
          moving = true;
          this.#handOver();
        }
        if (hosted.inbox.length > 0 && this.#takeIn(hosted, now)) moving = true;
      }
      if (this.options.handOver === 'committed') {
        if (moving) this.touch();
        break;
      }
    }
    if (this.#ledger.isInDoubt && this.#hosted.every(({ writer }) => writer?.hasPending !== true))
      this.#ledger.prove();
    this.outbox.flush();
    this.#arm();
  }

  /** This process stood still, or its way to the log did: it acts again when each of its streams has taken one more commit. */
  #doubt(): void {
    if (this.#ledger.isInDoubt) return;
    this.#ledger.doubt();
    for (const { writer } of this.#hosted) writer?.add([], undefined, 0);
    this.touch();
  }

  #arm(): void {
    const now = this.options.clock.now();
    let next = Infinity;
    // A role whose time is ahead of the clock waits by its own.
    // While decisions wait for room on the way to disk, time stands still for the role: the next commit gives it its turn.
    for (const { wakeAt, writer } of this.#hosted)
      if (wakeAt !== Infinity && writer?.hasPending !== true)
        next = Math.min(next, wakeAt - (writer?.aheadOf(now) ?? 0));
    // One that comes early costs a turn without news; a new one at every turn costs more.
    if (next >= this.#timerAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAt = next;
    if (next === Infinity) return;
    const delay = Math.min(Math.max(0, next - now), 3_600_000);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#timerAt = Infinity;
      this.touch();
    }, delay);
  }

  #openWriter(hosted: Hosted, head: number): void {
    const { role, runner } = hosted;
    const stream = role.stream ?? '';
    const { node, log, keystore, clock } = this.options;
    const generation = this.#generation;
    const identity = { stream, node, epoch: runner.epoch + 1, config: CONFIG_HASH };
    hosted.writer = new StreamWriter(
      identity,
      log.writer(stream, head),
      runner.hashAt(stream),
      this.#ledger,
      keystore,
      {
        causes: () => runner.takeCauses(),
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        onProposed: (envelope, ticket) => {
          runner.noteOwn(envelope);
          if (this.options.handOver === 'proposed') this.#proposed.push(envelope);
          this.#ledger.when(ticket, () => {
            if (this.options.handOver === 'committed') this.#deliver(envelope);
            this.options.hub.publish(envelope);
          });
        },
        onStored: () => {
          if (generation === this.#generation) this.touch();
        },
        onLate: () => {
          if (generation === this.#generation) this.#doubt();
        },
        onFailed: (name, outcome) => {
          if (generation === this.#generation) this.#fail(name, outcome);
        },
        observeCommit: (ms) => {
          this.options.observeCommit?.(stream, ms);
        },
      },
    );
    this.options.hub.own(stream, head);
  }

  #openContext(hosted: Hosted): void {
    const { runner, writer, role } = hosted;
    const { clock, node } = this.options;
    const epoch = runner.epoch + 1;
    let draws = 0;
    let origin: EventOrigin = { stream: role.stream ?? '', at: 0, node, epoch };
    hosted.context = {
      epoch,
      node,
      outbox: this.outbox,
      now: () => (writer === null ? clock.now() : writer.now()),
      random: () => mix((writer?.seed ?? 1) + Math.imul(++draws, 0x9e3779b9)),
      commit: (events: readonly DomainEvent[], effect?: (place: LogPlace) => void, bytes = 0) => {
        if (writer === null) throw new Error(`${role.name} has no stream to commit to`);
        writer.add(events, effect, bytes);
        const at = writer.now();
        if (origin.at !== at) origin = { ...origin, at };
        for (const event of events) runner.fold(event, origin);
        this.touch();
      },
      effect: (run) => {
        // Undecided news of this very turn counts too: it is proposed before the turn ends.
        if (writer?.hasPending === true) writer.add([], run, 0);
        else this.#ledger.when(this.#ledger.issued, run);
      },
      wakeAt: (time) => {
        if (time < hosted.wakeAt) {
          hosted.wakeAt = time;
          this.#arm();
        }
      },
      tell: (subject, body) => {
        const here = this.#local.get(subject);
        if (here !== undefined) here(body);
        // What another process is told may rest on nothing that is not on disk.
        else
          this.#ledger.when(this.#ledger.issued, () => {
            this.options.bus.publish(subject, body);
          });
      },
    };
  }

  #takeOver({ role, runner, context, writer }: Hosted): void {
    if (context === null) return;
    if (writer !== null) {
      context.commit([{ type: 'OwnerTookOver', role: role.name, epoch: context.epoch, node: context.node }]);
      runner.epoch = context.epoch;
    }
    role.takeOver?.(context, runner.lost);
  }

  #hearHere({ role, context }: Hosted): void {
    if (context === null) return;
    for (const [subject, handler] of Object.entries(role.serves ?? {}))
      this.#local.set(subject, (body) => {
        void this.#answer(handler, body, context);
      });
    for (const [subject, hear] of Object.entries(role.hears ?? {}))
      this.#local.set(subject, (body) => {
        this.#hear(hear, body, context);
      });
  }

  #serve(hosted: Hosted): void {
    const { role, context } = hosted;
    if (context === null) return;
    const { bus } = this.options;
    if (role.stream !== null)
      this.#serving.push(
        bus.serve(commands.archived(role.stream), (body) =>
          this.#noteArchived(hosted, context, body as ArchivedCommand),
        ),
      );
    for (const [subject, handler] of Object.entries(role.serves ?? {}))
      this.#serving.push(bus.serve(subject, (body) => this.#answer(handler, body, context)));
    for (const [subject, hear] of Object.entries(role.hears ?? {}))
      this.#serving.push(
        bus.subscribe(subject, (body) => {
          this.#hear(hear, body, context);
        }),
      );
  }

  /** The archiver has read back what it wrote; only the owner writes into the stream that it is so. */
  #noteArchived(
    { runner, role }: Hosted,
    context: RoleContext,
    { last, lastHash, sha256 }: ArchivedCommand,
  ): Promise<Reply<null>> {
    return new Promise((resolve) => {
      const done = (): void => {
        resolve({ ok: true, value: null });
      };
      if (last > runner.position(role.stream ?? ''))
        resolve({
          ok: false,
          rejection: { code: 'conflict', detail: `${role.name} has not written ${String(last)} yet` },
        });
      else if (last <= runner.archivedUpTo) context.effect(done);
      else context.commit([{ type: 'SegmentArchived', last, lastHash, sha256 }], done);
    });
  }

  #hear(hear: (body: never, ctx: RoleContext) => void, body: unknown, context: RoleContext): void {
    try {
      hear(body as never, context);
    } finally {
      this.touch();
    }
  }

  #answer(
    handler: CommandHandler,
    body: unknown,
    context: RoleContext,
  ): Promise<Reply<unknown>> | Reply<unknown> {
    const answer = handler(body as never, context);
    this.touch();
    return answer;
  }

  /** Passes on what was proposed, when the proposer is done with it. */
  #handOver(): void {
    if (this.#isHandingOver) return;
    this.#isHandingOver = true;
    for (let envelope = this.#proposed.shift(); envelope !== undefined; envelope = this.#proposed.shift())
      this.#deliver(envelope);
    this.#isHandingOver = false;
  }

  #deliver(envelope: Envelope): void {
    const followers = this.#followersOf.get(envelope.stream);
    if (followers === undefined) return;
    const now = this.options.clock.now();
    for (const hosted of followers) {
      const { inbox, writer } = hosted;
      if (inbox.length === 0 && writer?.hasPending === true && writer.flush()) this.#handOver();
      if (inbox.length > 0 || writer?.hasPending === true) inbox.push(envelope);
      else this.#offer(hosted, envelope, now);
    }
    this.touch();
  }

  #offer({ runner, context, writer }: Hosted, envelope: Envelope, now: number): void {
    if (!runner.offer(envelope, now))
      context?.wakeAt(now + (writer?.aheadOf(now) ?? 0) + CAUSE_PATIENCE_MS + 50);
  }

  /** Folds what waited, now that nothing is decided and not proposed. */
  #takeIn(hosted: Hosted, now: number): boolean {
    if (hosted.writer?.hasPending === true) return false;
    const { inbox } = hosted;
    hosted.inbox = [];
    for (const envelope of inbox) this.#offer(hosted, envelope, now);
    return true;
  }

  /** The state of every role may rest on what is not in the log: drop all of it and begin again from the log. */
  #fail(stream: string, outcome: Exclude<AppendOutcome, { kind: 'stored' }>): void {
    const why =
      outcome.kind === 'refused' ? `someone else writes it (head ${String(outcome.head)})` : outcome.reason;
    this.#say('failed', `${stream}: ${why}`);
    this.#drop();
    const retry = (): void => {
      if (this.#stopped) return;
      this.#begin().catch((error: unknown) => {
        this.#say('failed', String(error));
        this.#drop();
        setTimeout(retry, 1_000);
      });
    };
    setTimeout(retry, 200);
  }

  #drop(): void {
    this.#generation++;
    this.#ledger.abandon();
    for (const serving of this.#serving) serving.stop();
    for (const follower of this.#remote) follower.stop();
    for (const { role } of this.#hosted) if (role.stream !== null) this.options.hub.disown(role.stream);
    this.#serving = [];
    this.#remote = [];
    this.#local = new Map();
    this.#proposed = [];
    this.#hosted = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAt = Infinity;
  }

  #say(what: 'restored' | 'active' | 'failed', detail: string): void {
    this.options.onEvent?.(what, detail);
  }
}

/** Policies have no settings yet; the hash names the rules of this version. */
const CONFIG_HASH = createHash('sha256').update('yardmaster policies 1').digest('hex').slice(0, 8);

/** splitmix32, in [0, 1). */
function mix(x: number): number {
  let z = (x + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return ((z ^ (z >>> 15)) >>> 0) / 0x1_0000_0000;
}
