import { simulate } from './simulate.js';
import { outcomeOf } from './tally.js';

// A process of a campaign: plays each seed that it is told, and answers with what it came to.
process.on('message', (seed: number) => {
  void simulate(seed).then((verdict) => process.send?.(outcomeOf(verdict)));
});
process.on('disconnect', () => {
  process.exit();
});
