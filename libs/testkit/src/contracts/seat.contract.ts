import { SEAT_TTL_MS, type Seat, type SeatHolder } from '@yardmaster/ports';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

export interface SeatWorld {
  /** A process that may claim the seat. */
  open(holder: SeatHolder): Promise<Seat>;
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** What every seat promises. */
export function describeSeat(name: string, start: () => Promise<SeatWorld>): void {
  describe(`${name} as a seat`, () => {
    let world: SeatWorld;
    beforeAll(async () => {
      world = await start();
    });
    afterAll(async () => {
      await world.close();
    });
    const open = (node: string, incarnation: string): Promise<Seat> => world.open({ node, incarnation });

    it('holds one at a time, for as long as that one renews', async () => {
      const [a, b] = [await open('a', '1'), await open('b', '1')];
      expect([await a.claim(), await b.claim()]).toEqual([true, false]);
      for (let i = 0; i < 4; i++) {
        await world.pass(SEAT_TTL_MS / 2);
        expect([await a.renew(), await b.claim()]).toEqual([true, false]);
      }
      await a.leave();
    });

    it('is free for others at once when its holder gets up', async () => {
      const [a, b] = [await open('a', '2'), await open('b', '2')];
      expect(await a.claim()).toBe(true);
      await a.leave();
      expect(await b.claim()).toBe(true);
      await a.leave();
      expect(await b.renew()).toBe(true);
      await b.leave();
    });

    it('goes to another when its holder was not heard for its time, and the holder hears of it', async () => {
      const [a, b] = [await open('a', '3'), await open('b', '3')];
      expect(await a.claim()).toBe(true);
      await world.pass(SEAT_TTL_MS + 1_500);
      expect(await b.claim()).toBe(true);
      expect(await a.renew()).toBe(false);
      await b.leave();
    });

    it('goes at once to a new process of the same node, and the old one hears of it', async () => {
      const [old, fresh, other] = [await open('a', '4'), await open('a', '5'), await open('b', '4')];
      expect(await old.claim()).toBe(true);
      expect([await other.claim(), await fresh.claim(), await old.renew()]).toEqual([false, true, false]);
      expect(await fresh.renew()).toBe(true);
      await fresh.leave();
    });
  });
}
