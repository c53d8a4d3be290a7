import { FEATURE_LEVEL, rejection, type Envelope, type Reply } from '@yardmaster/contracts';
import type { Clock } from '@yardmaster/kernel';
import type { AppendOutcome, EventLog, LogWriter, TenantKeystore } from '@yardmaster/ports';
import type { Bus } from '../bus/bus.js';
import { WorkerOutbox } from '../bus/worker-outbox.js';
import { CommitLedger } from '../log/commit-ledger.js';
import type { CommittedHub } from '../log/committed-hub.js';
import { StreamWriter } from '../log/stream-writer.js';
import type { SnapshotLoader } from '../snapshot/snapshot-loader.js';
import { Hosted } from './hosted.js';
import { RemoteStreams } from './remote-streams.js';
import { MOVED, RoleDoors } from './role-doors.js';
import { restore } from './restore.js';
import { type ContextParts, openContext } from './role-context.js';
import type { Role } from './role.js';
import { CAUSE_PATIENCE_MS } from './role-runner.js';
import { CONFIG_HASH, takeOver, type Takeover } from './take-over.js';

/** After a failed append the host begins again from the log. */
const BEGIN_AGAIN_MS = 200;
/** A role that could not be taken is tried again. */
const TRY_AGAIN_MS = 1_000;
/** An owner that writes on through so many looks refuses the takeover anyway. */
const CUT_TRIES = 5;
/** Until everything proposed is on disk at a stop. */
const CLOSE_PATIENCE_MS = 5_000;

export interface RoleHostOptions {
  readonly node: string;
  readonly log: EventLog;
  readonly keystore: TenantKeystore;
  readonly bus: Bus;
  readonly hub: CommittedHub;
  /** Where roles go on from; left out: they are folded from the first event. */
  readonly snapshots?: Pick<SnapshotLoader, 'load'>;
  readonly clock: Clock;
  /** Feature level that the cluster works at; left out: the highest of this program. */
  readonly level?: () => number;
  /** New objects of the roles that this process can have, by name; called again each time, as state is never reused. */
  readonly offers: ReadonlyMap<string, () => Role>;
  /** `proposed`: roles of this process see each other's envelopes before they are on disk; `committed`: after. */
  readonly handOver: 'proposed' | 'committed';
  /** True while other processes could take a role over: then an answer needs a commit of its role accepted of late. */
  readonly isShared?: () => boolean;
  readonly onEvent?: (what: 'restored' | 'active' | 'released' | 'failed', detail: string) => void;
  readonly onChange?: () => void;
  readonly observeCommit?: (stream: string, ms: number) => void;
}

/** Roles that a host is to have, each with the epoch at which it was assigned; null = whatever follows its last owner's. */
export type WantedRoles = ReadonlyMap<string, number | null>;

export interface RoleStatus {
  readonly role: string;
  readonly epoch: number;
  readonly state: 'restoring' | 'active' | 'stopped';
  readonly positions: Record<string, number>;
}

/**
 * Runs the roles of one process: takes and lets go roles as it is told, restores them from the log, hands envelopes from one to
 * the other and releases effects.
 *
 * A turn: every role with news decides (`advance`), every writer that may proposes, followers in this process fold what was
 * proposed, until nothing moves; then messages leave. Invariants: one writer per stream; effects in the order of the ledger;
 * a role folds nothing between a decision and its proposal, so that an envelope's causes are what it was decided from;
 * after any failed append the whole host is dropped and restored, as its state may rest on what is not in the log (I21);
 * of what was dropped only that is taken again which is still this node's.
 *
 * A role is taken so: what it follows gathers in its inbox; it is restored up to the heads; its marker is written and
 * acknowledged; it folds the inbox, repairs and decides; when that is on disk, it serves. A refused marker concerns it alone.
 */
export class RoleHost {
  #hosted: Hosted[] = [];
  #followersOf = new Map<string, Hosted[]>();
  #ledger = new CommitLedger();
  readonly #remote: RemoteStreams;
  #wanted: WantedRoles = new Map();
  /** Epochs of owners that came after the assignment of a role to this node. */
  readonly #outranked = new Map<string, number>();
  #reconciling: Promise<void> | null = null;
  #retry: NodeJS.Timeout | null = null;
  /** Told when roles became active, or the host stopped. */
  #onProgress = new Set<() => void>();
  /** Told when the host is dropped. */
  #onDrop = new Set<() => void>();
  #turnDue = false;
  #timer: NodeJS.Timeout | null = null;
  #timerAt = Infinity;
  #generation = 0;
  #stopped = false;
  readonly #doors: RoleDoors;
  #proposed: Envelope[] = [];
  #isHandingOver = false;
  readonly outbox: WorkerOutbox;
  readonly #parts: ContextParts;

  constructor(private readonly options: RoleHostOptions) {
    this.outbox = new WorkerOutbox((subject, bytes) => {
      options.bus.publishBytes(subject, bytes);
    });
    this.#doors = new RoleDoors({
      bus: options.bus,
      clock: options.clock,
      isShared: () => options.isShared?.() === true,
      touch: () => {
        this.touch();
      },
    });
    this.#remote = new RemoteStreams(options.hub, (envelope) => {
      this.#deliver(envelope);
    });
    this.#parts = {
      node: options.node,
      clock: options.clock,
      bus: options.bus,
      outbox: this.outbox,
      doors: this.#doors,
      ledger: () => this.#ledger,
      level: () => this.#level(),
      touch: () => {
        this.touch();
      },
      arm: () => {
        this.#arm();
      },
    };
  }

  /** Takes roles for good, all that it offers unless told otherwise; resolves when each of them is active for the first time. */
  async start(wanted?: WantedRoles): Promise<void> {
    this.#wanted = wanted ?? new Map([...this.options.offers.keys()].map((name) => [name, null]));
    await this.#reconcile();
    while (!this.#stopped && !this.#isComplete()) {
      await new Promise<void>((resolve) => this.#onProgress.add(resolve));
    }
  }

  /** Everything that it is to have and can have is active. */
  #isComplete(): boolean {
    return [...this.#wanted.keys()].every(
      (name) =>
        !this.options.offers.has(name) ||
        this.#hosted.some((hosted) => hosted.name === name && hosted.state === 'active'),
    );
  }

  /** From now on these are this host's roles: it takes what is missing and lets go what is not listed, and tries again until it is so. Rejects when a role cannot be restored. */
  async assign(wanted: WantedRoles): Promise<void> {
    this.#wanted = wanted;
    await this.#reconcile();
  }

  #reconcile(): Promise<void> {
    this.#reconciling ??= this.#bringAbout().finally(() => {
      this.#reconciling = null;
    });
    return this.#reconciling;
  }

  async #bringAbout(): Promise<void> {
    for (;;) {
      if (this.#stopped) return;
      const generation = this.#generation;
      const extra = this.#hosted.filter((hosted) => !this.#isWanted(hosted));
      if (extra.length > 0) {
        await this.#release(extra);
        continue;
      }
      const missing = [...this.#wanted].filter(
        ([name, epoch]) =>
          this.options.offers.has(name) &&
          !this.#hosted.some((hosted) => hosted.name === name) &&
          (epoch === null || epoch > (this.#outranked.get(name) ?? 0)),
      );
      if (missing.length === 0) return;
      const failure = await this.#take(missing);
      if (generation !== this.#generation) {
        this.#tryAgain(BEGIN_AGAIN_MS);
        return;
      }
      if (failure === null) continue;
      this.#tryAgain(failure.isFenced ? BEGIN_AGAIN_MS : TRY_AGAIN_MS);
      if (failure.error !== null) throw failure.error;
      return;
    }
  }

  /** A higher epoch than the one it was taken at says that another may have had it meanwhile. */
  #isWanted({ name, runner, assigned }: Hosted): boolean {
    const epoch = this.#wanted.get(name);
    if (epoch === undefined) return false;
    return epoch === null || epoch <= Math.max(assigned ?? 0, runner.epoch);
  }

  #tryAgain(afterMs: number): void {
    if (this.#stopped || this.#retry !== null) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#reconcile().catch(() => undefined);
    }, afterMs);
  }

  /** Takes these roles together. Null when all are active, else what went wrong; others of them may be active all the same. */
  async #take(
    batch: readonly (readonly [string, number | null])[],
  ): Promise<{ readonly isFenced: boolean; readonly error: Error | null } | null> {
    const generation = this.#generation;
    const isOver = (): boolean => generation !== this.#generation;
    const fresh = batch.flatMap(([name, epoch]) => {
      const make = this.options.offers.get(name);
      return make === undefined ? [] : [new Hosted(make(), epoch)];
    });
    const own = fresh.flatMap(({ role }) => (role.stream === null ? [] : [role.stream]));
    try {
      this.#hosted.push(...fresh);
      for (const hosted of fresh)
        for (const stream of hosted.role.follows) {
          const followers = this.#followersOf.get(stream);
          if (followers === undefined) this.#followersOf.set(stream, [hosted]);
          else followers.push(hosted);
        }
      this.options.onChange?.();
      const followed = new Set(fresh.flatMap(({ role }) => role.follows));
      const apart = [...followed].filter((stream) => !own.includes(stream) && !this.#isOwned(stream));
      await Promise.all(apart.map((stream) => this.#followRemotely(stream)));
      // What was proposed before anything gathered in the inboxes is in the log when this is through.
      if (isOver() || !(await this.#settled())) return GONE;
      // Own streams first: what they rest on is in the others by then.
      const heads = await this.#cutOf(own);
      await this.#headsOf([...followed], heads);
      const failures = await this.#restoreAll(fresh, heads);
      if (isOver()) return GONE;
      const able = fresh.filter((hosted) => !failures.has(hosted) && !this.#isOutranked(hosted, failures));
      if (able.length > 0) this.#say('restored', `${String(able.length)} roles`);
      const taken = await this.#takeOverAll(able, heads, failures);
      if (isOver()) return GONE;
      // An owner before that ran ahead may have left effects whose causes are lost by what was taken: all that rest on each
      // other are taken together or not at all.
      const isRefused = taken.length < able.length;
      if (isRefused && this.#hosted.every((hosted) => fresh.includes(hosted))) {
        this.#drop();
        return GONE;
      }
      await this.#leave([...failures.keys()]);
      if (isOver()) return GONE;
      this.#activate(taken);
      if (taken.length > 0 && !(await this.#settled())) return GONE;
      for (const { hosted } of taken) this.#doors.open(hosted);
      if (taken.length > 0) this.#say('active', taken.map(({ hosted }) => hosted.name).join(' '));
      this.#progressed();
      this.options.onChange?.();
      this.touch();
      const [worst] = [...failures.values()].sort((a, b) => Number(a.isFenced) - Number(b.isFenced));
      return worst ?? null;
    } catch (error) {
      if (isOver()) return GONE;
      this.#say('failed', String(error));
      await this.#leave(fresh.filter(({ state }) => state === 'restoring'));
      return { isFenced: false, error: error as Error };
    }
  }

  #isOwned(stream: string): boolean {
    return this.#hosted.some(({ role, writer }) => writer !== null && role.stream === stream);
  }

  async #followRemotely(stream: string): Promise<void> {
    if (this.#remote.has(stream)) return;
    const { last } = await this.options.log.head(stream);
    await this.#remote.follow(stream, last);
  }

  /** Ends of streams that were so at one moment, though an owner before may still be writing: read until they stand still. */
  async #cutOf(streams: readonly string[]): Promise<Map<string, number>> {
    let heads = await this.#headsOf(streams, new Map());
    for (let tries = 0; streams.length > 1 && tries < CUT_TRIES; tries++) {
      const again = await this.#headsOf(streams, new Map());
      if (streams.every((stream) => again.get(stream) === heads.get(stream))) break;
      heads = again;
    }
    return heads;
  }

  async #headsOf(streams: readonly string[], into: Map<string, number>): Promise<Map<string, number>> {
    await Promise.all(
      streams
        .filter((stream) => !into.has(stream))
        .map(async (stream) => {
          into.set(stream, (await this.options.log.head(stream)).last);
        }),
    );
    return into;
  }

  async #restoreAll(
    fresh: readonly Hosted[],
    heads: ReadonlyMap<string, number>,
  ): Promise<Map<Hosted, { isFenced: boolean; error: Error | null }>> {
    const failures = new Map<Hosted, { isFenced: boolean; error: Error | null }>();
    const { log, keystore, snapshots } = this.options;
    await Promise.all(
      fresh.map(async (hosted) => {
        try {
          // What it began to read is spoilt: a new object of the role goes on from another.
          if ((await snapshots?.load(hosted.runner, heads)) === 'spoilt')
            failures.set(hosted, { isFenced: false, error: null });
          else await restore(hosted.runner, log, keystore, heads);
        } catch (error) {
          this.#say('failed', `${hosted.name}: ${String(error)}`);
          failures.set(hosted, { isFenced: false, error: error as Error });
        }
      }),
    );
    return failures;
  }

  /** An owner after this assignment is another node: whoever assigns has to say it again, at a higher epoch. */
  #isOutranked(hosted: Hosted, failures: Map<Hosted, { isFenced: boolean; error: Error | null }>): boolean {
    const { name, assigned, runner } = hosted;
    if (assigned === null || runner.owner === null || runner.owner === this.options.node) return false;
    if (runner.epoch < assigned) return false;
    this.#outranked.set(name, runner.epoch);
    failures.set(hosted, { isFenced: true, error: null });
    return true;
  }

  async #takeOverAll(
    able: readonly Hosted[],
    heads: ReadonlyMap<string, number>,
    failures: Map<Hosted, { isFenced: boolean; error: Error | null }>,
  ): Promise<Taken[]> {
    const { node, log, keystore, clock } = this.options;
    const taken: Taken[] = [];
    await Promise.all(
      able.map(async (hosted) => {
        const { stream } = hosted.role;
        if (stream === null) {
          taken.push({ hosted, takeover: null });
          return;
        }
        const takeover = await takeOver(hosted, heads.get(stream) ?? 0, {
          node,
          log,
          keystore,
          at: clock.now(),
          level: this.#level(),
        });
        // Whoever follows the stream here has to have all of it before it hears of it from its owner here.
        const isWhole =
          takeover.kind === 'taken' &&
          (!this.#remote.has(stream) || (await this.#remote.reached(stream, takeover.marker.seq)));
        if (isWhole) taken.push({ hosted, takeover });
        else {
          if (takeover.kind === 'failed') this.#say('failed', `${stream}: ${reasonOf(takeover.outcome)}`);
          failures.set(hosted, { isFenced: true, error: null });
        }
      }),
    );
    return able.flatMap((hosted) => taken.filter((one) => one.hosted === hosted));
  }

  /** All of them at once, so that they hear each other from the start; others hear them when their takeover is on disk. */
  #activate(taken: readonly Taken[]): void {
    for (const { hosted, takeover } of taken) {
      if (takeover !== null) this.#own(hosted, takeover);
      hosted.context = openContext(hosted, this.#parts);
      hosted.state = 'active';
      this.#doors.openHere(hosted);
    }
    for (const { takeover } of taken) if (takeover !== null) this.#deliver(takeover.marker);
    for (const { hosted } of taken)
      if (hosted.context !== null) hosted.role.takeOver?.(hosted.context, hosted.runner.lost);
    // Repairs are told before anybody decides: what is mended is not acted upon.
    for (const { hosted } of taken) hosted.writer?.flush();
    this.#handOver();
    this.#turn();
  }

  #own(hosted: Hosted, { marker, writer }: Extract<Takeover, { kind: 'taken' }>): void {
    const { hub, clock } = this.options;
    this.#remote.stop(marker.stream);
    hosted.runner.apply(marker);
    hosted.provenAt = clock.monotonic();
    this.#openWriter(hosted, marker, writer);
    hub.own(marker.stream, marker.seq - 1);
    hub.publish(marker);
  }

  /** Lets roles go: what they decided reaches the disk first, and others of this process follow their streams from there. */
  async #release(roles: readonly Hosted[]): Promise<void> {
    for (const hosted of roles) {
      hosted.state = 'releasing';
      hosted.stopServing();
      this.#doors.closeHere(hosted);
    }
    this.options.onChange?.();
    const generation = this.#generation;
    do {
      this.touch();
      // The turn that proposes what is pending may be due already, behind all input: while nothing is on its way to disk,
      // waiting for the disk alone would go round in microtasks for ever and never let it come.
      await new Promise((resolve) => setImmediate(resolve));
      if (generation !== this.#generation || !(await this.#settled())) return;
    } while (roles.some(({ writer }) => writer?.hasPending === true));
    for (const hosted of roles) hosted.close(MOVED);
    await this.#leave(roles);
    this.#say('released', roles.map(({ name }) => name).join(' '));
    this.options.onChange?.();
  }

  /** Takes roles out, and follows in the broker what they wrote here where others of this process still follow it. */
  async #leave(roles: readonly Hosted[]): Promise<void> {
    if (roles.length === 0) return;
    const gone = new Set(roles);
    for (const hosted of roles) this.#doors.closeHere(hosted);
    this.#hosted = this.#hosted.filter((hosted) => !gone.has(hosted));
    for (const [stream, followers] of this.#followersOf) {
      const left = followers.filter((hosted) => !gone.has(hosted));
      if (left.length > 0) this.#followersOf.set(stream, left);
      else {
        this.#followersOf.delete(stream);
        this.#remote.stop(stream);
      }
    }
    for (const { role, writer, runner } of roles) {
      if (role.stream === null) continue;
      const isFollowed = this.#followersOf.has(role.stream) && !this.#remote.has(role.stream);
      // Those here have heard all that it wrote; of a role that was only restored, all up to where it was restored to.
      if (isFollowed) await this.#remote.follow(role.stream, runner.position(role.stream));
      if (writer !== null) this.options.hub.disown(role.stream);
    }
  }

  /** True when everything proposed so far is on disk; false when the host was dropped. */
  #settled(): Promise<boolean> {
    return new Promise((resolve) => {
      const dropped = (): void => {
        resolve(false);
      };
      this.#onDrop.add(dropped);
      this.#ledger.when(this.#ledger.issued, () => {
        this.#onDrop.delete(dropped);
        resolve(true);
      });
    });
  }

  /** The roles that this host has or is taking. */
  status(): RoleStatus[] {
    return this.#hosted.map(({ name, runner, state, assigned }) => ({
      role: name,
      epoch:
        state === 'restoring'
          ? (assigned ?? 0)
          : Math.max(runner.epoch, runner.role.stream === null ? (assigned ?? 0) : 0),
      state: state === 'releasing' ? 'stopped' : state,
      positions: runner.positions(),
    }));
  }

  /** Role objects, for those who look at their state. */
  roles(): Role[] {
    return this.#hosted.map(({ role }) => role);
  }

  /** Roles that were assigned to this node at an epoch that another owner had or came after. */
  outranked(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#outranked);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#drop();
    this.#progressed();
  }

  /** Takes nothing new, waits (at most 5 s) until everything proposed is on disk, and stops. */
  async close(): Promise<void> {
    this.#wanted = new Map();
    const released = (async (): Promise<void> => {
      await this.#reconcile().catch(() => undefined);
      await this.#reconcile().catch(() => undefined);
    })();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_PATIENCE_MS);
      void released.then(() => {
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
        if (hosted.context === null || hosted.state !== 'active') continue;
        if (hosted.wakeAt <= now + (hosted.writer?.aheadOf(now) ?? 0)) hosted.wakeAt = Infinity;
        hosted.runner.releaseOverdue(now);
        hosted.role.advance(hosted.context);
      }
      for (const hosted of this.#hosted) {
        if (hosted.writer?.flush() === true) {
          moving = true;
          this.#handOver();
        }
        if (hosted.inbox.length > 0 && hosted.state === 'active' && this.#takeIn(hosted, now)) moving = true;
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

  #openWriter(hosted: Hosted, { stream, epoch, hash }: Envelope, writer: LogWriter): void {
    const { runner } = hosted;
    const { node, keystore, clock } = this.options;
    const generation = this.#generation;
    hosted.writer = new StreamWriter(
      { stream, node, epoch, config: CONFIG_HASH },
      writer,
      hash,
      this.#ledger,
      keystore,
      {
        causes: () => runner.takeCauses(),
        now: () => clock.now(),
        monotonic: () => clock.monotonic(),
        level: () => this.#level(),
        onProposed: (envelope, ticket) => {
          runner.noteOwn(envelope);
          if (this.options.handOver === 'proposed') this.#proposed.push(envelope);
          this.#ledger.when(ticket, () => {
            if (this.options.handOver === 'committed') this.#deliver(envelope);
            this.options.hub.publish(envelope);
          });
        },
        onStored: (sentAt) => {
          hosted.provenAt = Math.max(hosted.provenAt, sentAt);
          if (generation !== this.#generation) return;
          // Room for what waits, messages that may leave, or a proof to give: else a turn would find nothing to do.
          if (hosted.writer?.hasPending === true || !this.outbox.isEmpty || this.#ledger.isInDoubt)
            this.touch();
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
  }

  #level(): number {
    return this.options.level?.() ?? FEATURE_LEVEL;
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
      if (hosted.state !== 'active') {
        inbox.push(envelope);
        continue;
      }
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
    this.#say('failed', `${stream}: ${reasonOf(outcome)}`);
    this.#drop();
    this.#tryAgain(BEGIN_AGAIN_MS);
  }

  #drop(): void {
    this.#generation++;
    this.#ledger.abandon();
    this.#ledger = new CommitLedger();
    this.#remote.stopAll();
    for (const hosted of this.#hosted) {
      hosted.close(UNKNOWN);
      if (hosted.writer !== null) this.options.hub.disown(hosted.role.stream ?? '');
    }
    this.#doors.closeAllHere();
    this.#proposed = [];
    this.#hosted = [];
    this.#followersOf = new Map();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAt = Infinity;
    const told = this.#onDrop;
    this.#onDrop = new Set();
    for (const tell of told) tell();
    this.options.onChange?.();
  }

  #progressed(): void {
    const told = this.#onProgress;
    this.#onProgress = new Set();
    for (const tell of told) tell();
  }

  #say(what: 'restored' | 'active' | 'released' | 'failed', detail: string): void {
    this.options.onEvent?.(what, detail);
  }
}

interface Taken {
  readonly hosted: Hosted;
  /** Null for a role without a stream. */
  readonly takeover: Extract<Takeover, { kind: 'taken' }> | null;
}

/** The host was dropped meanwhile. */
const GONE = { isFenced: true, error: null };

/** What it decided may or may not have reached the log. */
const UNKNOWN: Reply<never> = {
  ok: false,
  rejection: rejection(
    'outcome-unknown',
    'the duty was lost before its decision was known to be on disk; repeat with the same idempotency key',
  ),
};

function reasonOf(outcome: Exclude<AppendOutcome, { kind: 'stored' }>): string {
  return outcome.kind === 'refused'
    ? `someone else writes it (head ${String(outcome.head)})`
    : outcome.reason;
}
