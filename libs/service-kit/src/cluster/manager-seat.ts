import { SEAT_TTL_MS, type Seat } from '@yardmaster/ports';

const RENEW_MS = 1_000;

/** Claims the cluster manager's seat each second while another sits there, and keeps it once it has it. */
export class ManagerSeat {
  #isSitting = false;
  #provenAt = -Infinity;
  #timer: NodeJS.Timeout | null = null;
  #isAsking = false;
  #isStopped = false;

  constructor(
    private readonly seat: Seat,
    private readonly on: { readonly onChange: () => void; readonly onFailure: (error: unknown) => void },
  ) {}

  /** True from when the broker said so until it says otherwise, or has said nothing for as long as a claim lasts. */
  get isSitting(): boolean {
    return this.#isSitting;
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.#ask(), RENEW_MS);
    await this.#ask();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#isSitting) await this.seat.leave().catch(this.on.onFailure);
    this.#isSitting = false;
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) {
      this.#giveUpWhenOld();
      return;
    }
    this.#isAsking = true;
    const askedAt = performance.now();
    try {
      const sits = this.#isSitting ? await this.seat.renew() : await this.seat.claim();
      if (sits) this.#provenAt = askedAt;
      this.#sit(sits);
    } catch (error) {
      this.on.onFailure(error);
      this.#giveUpWhenOld();
    } finally {
      this.#isAsking = false;
    }
  }

  /** Without an answer another may sit there by now. */
  #giveUpWhenOld(): void {
    if (performance.now() - this.#provenAt > SEAT_TTL_MS) this.#sit(false);
  }

  #sit(sits: boolean): void {
    if (sits === this.#isSitting || this.#isStopped) return;
    this.#isSitting = sits;
    this.on.onChange();
  }
}
