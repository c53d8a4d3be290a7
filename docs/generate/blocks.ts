import { alertTable } from './alerts.js';
import { callTable } from './calls.js';
import { commandTable } from './commands.js';
import { variableTable } from './configuration.js';
import { errorTable } from './errors.js';
import { eventTables } from './events.js';
import { stateTable, transitionPicture, transitionTable } from './lifecycle.js';
import { metricTable } from './metrics.js';
import { limitTable, routeTables } from './routes.js';
import { waitReasonTable } from './wait-reasons.js';

/** What pages hold between `<!-- generated: NAME -->` and `<!-- end -->`. */
export const BLOCKS: Readonly<Record<string, () => string>> = {
  alerts: alertTable,
  calls: callTable,
  commands: commandTable,
  'variables-yard': () => variableTable('yard'),
  'variables-servers': () => variableTable('servers'),
  'variables-clients': () => variableTable('clients'),
  'variables-agent': () => variableTable('agent'),
  'variables-tests': () => variableTable('tests'),
  'variables-attempt': () => variableTable('attempt'),
  errors: errorTable,
  events: eventTables,
  states: stateTable,
  'transition-picture': transitionPicture,
  transitions: transitionTable,
  metrics: metricTable,
  limits: limitTable,
  routes: routeTables,
  'wait-reasons': waitReasonTable,
};

const BLOCK = /<!-- generated: ([a-z-]+) -->\n[\s\S]*?<!-- end -->/g;

/** Names of the blocks of a page. */
export function blocksOf(page: string): string[] {
  return [...page.matchAll(BLOCK)].map((match) => match[1] ?? '');
}

/** The page with every block as the code has it. */
export function fillBlocks(page: string): string {
  return page.replace(BLOCK, (_, name: string) => {
    const block = BLOCKS[name];
    if (block === undefined) throw new Error(`there is no generated block ${name}`);
    return `<!-- generated: ${name} -->\n\n${block()}\n\n<!-- end -->`;
  });
}
