import type { Role } from '../role/role.js';

/** Roles that the modules of this process offer; asked anew after every failure, as state is never reused. */
export class RoleRegistry {
  readonly #factories: (() => readonly Role[])[] = [];

  offer(factory: () => readonly Role[]): void {
    this.#factories.push(factory);
  }

  get isEmpty(): boolean {
    return this.#factories.length === 0;
  }

  roles(): readonly Role[] {
    return this.#factories.flatMap((factory) => factory());
  }
}
