import { commands, rejection, type ArchivedCommand, type Reply } from '@yardmaster/contracts';
import type { Clock } from '@yardmaster/kernel';
import type { Bus } from '../bus/bus.js';
import type { Hosted } from './hosted.js';
import type { CommandHandler, RoleContext } from './role.js';

/** An owner whose last accepted commit is older than this proves itself by another before it answers: within the 5 s that callers are promised. */
const PROVEN_FOR_MS = 4_000;

export interface RoleDoorsOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  /** True while other processes could take a role over. */
  readonly isShared: () => boolean;
  /** A role heard something: it wants a turn. */
  readonly touch: () => void;
}

/**
 * How the roles of a process are reached: commands and statements, over the bus and from roles beside them. Invariant: what comes
 * over the bus is answered, or taken to heart, by an owner that has proven of late that it is one.
 */
export class RoleDoors {
  readonly #here = new Map<string, (body: unknown) => void>();

  constructor(private readonly options: RoleDoorsOptions) {}

  /** Who hears statements on this subject in this process. */
  here(subject: string): ((body: unknown) => void) | undefined {
    return this.#here.get(subject);
  }

  closeAllHere(): void {
    this.#here.clear();
  }

  /** From now on roles of this process reach it without the bus. */
  openHere(hosted: Hosted): void {
    const { role, context } = hosted;
    if (context === null) return;
    const hear = (subject: string, onMessage: (body: unknown) => void): void => {
      this.#here.set(subject, onMessage);
      hosted.localSubjects.push(subject);
    };
    for (const [subject, handler] of Object.entries(role.serves ?? {}))
      hear(subject, (body) => {
        void this.#answer(handler, body, context);
      });
    for (const [subject, listen] of Object.entries(role.hears ?? {}))
      hear(subject, (body) => {
        this.#hear(listen, body, context);
      });
  }

  closeHere(hosted: Hosted): void {
    for (const subject of hosted.localSubjects) this.#here.delete(subject);
    hosted.localSubjects = [];
  }

  /** From now on everybody reaches it: what it took over is on disk. */
  open(hosted: Hosted): void {
    const { role, context } = hosted;
    if (context === null || hosted.state !== 'active') return;
    const { bus } = this.options;
    if (role.stream !== null)
      hosted.serving.push(
        bus.serve(commands.archived(role.stream), (body) =>
          this.#noteArchived(hosted, context, body as ArchivedCommand),
        ),
      );
    for (const [subject, handler] of Object.entries(role.serves ?? {}))
      hosted.serving.push(bus.serve(subject, (body) => this.#answerProven(hosted, handler, body, context)));
    for (const [subject, hear] of Object.entries(role.hears ?? {}))
      hosted.serving.push(
        bus.subscribe(subject, (body) => {
          this.#whenProven(hosted, context, () => {
            this.#hear(hear, body, context);
          });
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

  /** An owner that was stopped for a while may not be the owner any more: it asks the log before it says anything. */
  #whenProven(hosted: Hosted, context: RoleContext, run: () => void): void {
    // It came while the role was let go.
    if (hosted.isClosed) return;
    const isProven =
      hosted.writer === null ||
      !this.options.isShared() ||
      this.options.clock.monotonic() - hosted.provenAt < PROVEN_FOR_MS;
    if (isProven) run();
    else context.commit([], run);
  }

  #answerProven(
    hosted: Hosted,
    handler: CommandHandler,
    body: unknown,
    context: RoleContext,
  ): Promise<Reply<unknown>> {
    if (hosted.isClosed) return Promise.resolve(MOVED);
    return new Promise((resolve, reject) => {
      const end = (reply: Reply<unknown>): void => {
        hosted.answering.delete(end);
        resolve(reply);
      };
      hosted.answering.add(end);
      this.#whenProven(hosted, context, () => {
        try {
          const answer = this.#answer(handler, body, context);
          if (answer instanceof Promise) answer.then(end, reject);
          else end(answer);
        } catch (error) {
          hosted.answering.delete(end);
          reject(error);
        }
      });
    });
  }

  #hear(hear: (body: never, ctx: RoleContext) => void, body: unknown, context: RoleContext): void {
    try {
      hear(body as never, context);
    } finally {
      this.options.touch();
    }
  }

  #answer(
    handler: CommandHandler,
    body: unknown,
    context: RoleContext,
  ): Promise<Reply<unknown>> | Reply<unknown> {
    const answer = handler(body as never, context);
    this.options.touch();
    return answer;
  }
}

/** A command that a role had not decided when it was let go: it had no effect. */
export const MOVED: Reply<never> = {
  ok: false,
  rejection: rejection('unavailable', 'this duty is moving to another node; try again shortly', {
    retryAfter: 1,
  }),
};
