/** Some 10 MB in a worker that ends as many within minutes, next to nothing in others. */
const REMEMBERED = 65_536;

/**
 * Leases whose end the yard has answered, or that it gave up as lost: they are over, and so are earlier ones of the same task. An
 * owner that has just taken over may still hand out such an attempt, before it has followed the log to that end.
 */
export class SettledLeases {
  /** Highest fence by task. */
  #recent = new Map<string, number>();
  #older: ReadonlyMap<string, number> = new Map();

  constructor(private readonly remembered: number = REMEMBERED) {}

  add(over: readonly (readonly [task: string, attempt: number, fence: number, ...unknown[]])[]): void {
    for (const [task, , fence] of over)
      if (fence > (this.#recent.get(task) ?? 0)) this.#recent.set(task, fence);
    if (this.#recent.size < this.remembered) return;
    this.#older = this.#recent;
    this.#recent = new Map();
  }

  has(task: string, fence: number): boolean {
    return fence <= (this.#recent.get(task) ?? this.#older.get(task) ?? 0);
  }
}
