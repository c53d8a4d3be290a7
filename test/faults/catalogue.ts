import { type Fault, FAMILIES } from './fault.js';
import { CANARY_FAULTS } from './families/canaries.js';
import { DATA_FAULTS } from './families/data.js';
import { HOSTILE_FAULTS } from './families/hostile-tasks.js';
import { LOAD_FAULTS } from './families/load.js';
import { LYING_FAULTS } from './families/lying-workers.js';
import { MESSAGING_FAULTS } from './families/messaging.js';
import { NETWORK_FAULTS } from './families/network.js';
import { POWER_AND_DISK_FAULTS } from './families/power-and-disk.js';
import { PROCESS_FAULTS } from './families/process.js';
import { twoAtATime } from './families/random.js';
import { START_TIME_FAULTS } from './families/start-times.js';
import { TIME_FAULTS } from './families/time.js';

const SINGLE: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...POWER_AND_DISK_FAULTS,
  ...DATA_FAULTS,
  ...NETWORK_FAULTS,
  ...MESSAGING_FAULTS,
  ...LYING_FAULTS,
  ...HOSTILE_FAULTS,
  ...CANARY_FAULTS,
  ...TIME_FAULTS,
  ...START_TIME_FAULTS,
  ...LOAD_FAULTS,
];

/** Every fault that can be asked for, family by family. */
export const FAULTS: readonly Fault[] = [...SINGLE, twoAtATime(SINGLE)].sort(
  (a, b) => FAMILIES.indexOf(a.family) - FAMILIES.indexOf(b.family),
);
