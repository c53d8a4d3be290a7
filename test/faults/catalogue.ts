import { type Fault, FAMILIES } from './fault.js';
import { PROCESS_FAULTS } from './families/process.js';

/** Every fault that can be asked for, family by family. */
export const FAULTS: readonly Fault[] = [...PROCESS_FAULTS].sort(
  (a, b) => FAMILIES.indexOf(a.family) - FAMILIES.indexOf(b.family),
);
