import type { AlertKind, DomainEvent } from '../events/index.js';

const KEEP_CLEARED = 1_000;

export interface AlertRecord {
  readonly id: string;
  readonly kind: AlertKind;
  readonly subject: string;
  readonly message: string;
  readonly action: string;
  readonly raisedAt: number;
  readonly clearedAt: number | null;
}

/** Alerts that are raised, and the last of those that were cleared; in the order in which they were raised. */
export class AlertBook {
  readonly alerts = new Map<string, AlertRecord>();

  apply(event: DomainEvent, at: number): void {
    if (event.type === 'AlertRaised') {
      const { id, kind, subject, message, action } = event;
      this.alerts.delete(id);
      this.alerts.set(id, { id, kind, subject, message, action, raisedAt: at, clearedAt: null });
      if (this.alerts.size > KEEP_CLEARED) this.#forgetOldest();
    } else if (event.type === 'AlertCleared') {
      const alert = this.alerts.get(event.id);
      if (alert !== undefined) this.alerts.set(event.id, { ...alert, clearedAt: at });
    }
  }

  #forgetOldest(): void {
    for (const alert of this.alerts.values())
      if (alert.clearedAt !== null) {
        this.alerts.delete(alert.id);
        return;
      }
  }
}
