import { parseArgs } from 'node:util';
import { benchAccept } from './accept.ts';
import { benchHandlers } from './handlers.ts';
import { HELP } from './help.ts';
import { benchIdle } from './idle.ts';
import { benchMembers } from './members.ts';
import type { Plan } from './plan.ts';
import { benchRebuild } from './rebuild.ts';
import { benchScripts } from './scripts.ts';
import { benchTakeover } from './takeover.ts';
import { benchWaiting } from './waiting.ts';
import { benchWorkers } from './workers.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    runs: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const only = values.only?.flatMap((names) => names.split(','));
const plan: Plan = {
  runs: values.quick ? 2 : Math.max(1, Number(values.runs)),
  quick: values.quick,
  wants: (name) =>
    only === undefined || only.some((wanted) => name === wanted || name.startsWith(`${wanted}.`)),
};
await benchAccept(plan);
await benchHandlers(plan);
await benchScripts(plan);
await benchIdle(plan);
await benchRebuild(plan);
// These take minutes: only when they are asked for by name.
if (only !== undefined) {
  await benchTakeover(plan);
  await benchWaiting(plan);
  await benchWorkers(plan);
  await benchMembers(plan);
}
