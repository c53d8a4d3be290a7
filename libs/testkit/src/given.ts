import { deepStrictEqual, fail, strictEqual } from 'node:assert/strict';

/** What a decision may say. */
export type Decided<E> =
  | { readonly kind: 'accepted'; readonly events: readonly E[] }
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'rejected'; readonly rejection: { readonly code: string } };

/** The rules under test. `evolve` may return the next state, or change the one it got and return nothing. */
export interface Rules<S, C, E> {
  readonly initial: () => S;
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a rule that changes its state in place returns nothing
  readonly evolve: (state: S, event: E) => S | void;
  readonly decide: (command: C, state: S) => Decided<E>;
}

/** What came of a command. */
export class Then<S, E> {
  readonly decision: Decided<E>;
  /** State after the events that were accepted. */
  readonly state: S;

  constructor(decision: Decided<E>, state: S) {
    this.decision = decision;
    this.state = state;
  }

  /** These events, no more and no less. */
  then(...events: readonly E[]): this {
    deepStrictEqual(this.decision, { kind: 'accepted', events: [...events] });
    return this;
  }

  ignored(reason?: string): this {
    strictEqual(this.decision.kind, 'ignored', this.#told());
    if (this.decision.kind === 'ignored' && reason !== undefined) strictEqual(this.decision.reason, reason);
    return this;
  }

  rejected(code?: string): this {
    strictEqual(this.decision.kind, 'rejected', this.#told());
    if (this.decision.kind === 'rejected' && code !== undefined)
      strictEqual(this.decision.rejection.code, code);
    return this;
  }

  /** The accepted events, for checks of one's own. */
  events(): readonly E[] {
    if (this.decision.kind !== 'accepted') fail(this.#told());
    return this.decision.events;
  }

  #told(): string {
    return `the decision was ${JSON.stringify(this.decision)}`;
  }
}

export interface When<S, C, E> {
  when(command: C): Then<S, E>;
  /** State after the given events. */
  readonly state: S;
}

/** Makes `given(...events).when(command).then(...events)` for one set of rules. */
export function rules<S, C, E>({
  initial,
  evolve,
  decide,
}: Rules<S, C, E>): (...events: readonly E[]) => When<S, C, E> {
  const fold = (from: S, events: readonly E[]): S => {
    let state = from;
    for (const event of events) {
      const next = evolve(state, event);
      if (next !== undefined) state = next;
    }
    return state;
  };
  return (...events) => {
    const state = fold(initial(), events);
    return {
      state,
      when(command) {
        const decision = decide(command, state);
        return new Then(decision, decision.kind === 'accepted' ? fold(state, decision.events) : state);
      },
    };
  };
}
