import type { EventResponse } from '@yardmaster/sdk';

/** Long enough for all streams to tell of one moment, too short for an eye. */
const WINDOW_MS = 100;

/**
 * Several streams arrive as one, each in its own order: so the start of a child may come before the end of its parent. Holds
 * events for a moment and passes them on by their time; of one instant ends first, as they are what lets others start.
 */
export class InOrder {
  private held: EventResponse[] = [];
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly passOn: (event: EventResponse) => void) {}

  take(events: readonly EventResponse[]): void {
    this.held.push(...events);
    this.timer ??= setTimeout(() => {
      this.flush();
    }, WINDOW_MS);
  }

  flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const events = this.held;
    this.held = [];
    events.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : rank(a) - rank(b)));
    for (const event of events) this.passOn(event);
  }
}

const rank = ({ type }: EventResponse): number => (type === 'LeaseGranted' ? 1 : 0);
