import type { Role } from '../role/role.js';

/** Work with one owner that has no stream and no commands: only to be started and stopped, e.g. a projection. */
export interface Duty {
  /** Under way when this resolves; it goes on by itself until `stop`. */
  start(): Promise<void> | void;
  stop(): Promise<void> | void;
}

/** Roles and duties that the modules of this process can have, by name; made anew each time, as state is never reused. */
export class RoleRegistry {
  readonly roles = new Map<string, () => Role>();
  readonly duties = new Map<string, () => Duty>();

  offer(name: string, make: () => Role): void {
    this.roles.set(name, make);
  }

  offerDuty(name: string, make: () => Duty): void {
    this.duties.set(name, make);
  }

  get isEmpty(): boolean {
    return this.roles.size === 0 && this.duties.size === 0;
  }

  get names(): string[] {
    return [...this.roles.keys(), ...this.duties.keys()];
  }
}
