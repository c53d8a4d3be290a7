import fc from 'fast-check';

/**
 * On CI a change is judged by the same random cases as the change before it: what fails there was caused by the change. Elsewhere
 * each run tries others; SEED plays those of a run again.
 */
fc.configureGlobal({ seed: Number(process.env['SEED'] ?? 20_261_127) });
