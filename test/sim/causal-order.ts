import type { Envelope } from '@yardmaster/contracts';
import type { World } from './world.js';

/** All envelopes on disk in one order that keeps each stream's own and puts what an envelope rests on before it, as far as
 * that survived. */
export function causalOrder(world: World, streams: readonly string[] = world.streams): Envelope[] {
  const tracks = streams.map((stream) => ({ stream, envelopes: world.disk(stream), next: 0 }));
  const order: Envelope[] = [];
  const isThere = ([stream, seq, hash]: Envelope['causes'][number]): boolean => {
    const on = tracks.find((track) => track.stream === stream);
    // A position that holds something else by now names what was lost.
    return on === undefined || on.next >= seq || on.envelopes[seq - 1]?.hash.startsWith(hash) !== true;
  };
  for (;;) {
    const open = tracks.filter((track) => track.next < track.envelopes.length);
    if (open.length === 0) return order;
    const free = open.find((track) => track.envelopes[track.next]?.causes.every(isThere) === true) ?? open[0];
    const envelope = free?.envelopes[free.next];
    if (free === undefined || envelope === undefined) return order;
    free.next++;
    order.push(envelope);
  }
}
