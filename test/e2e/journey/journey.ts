import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeTree, killTree } from '../../support/processes.js';
import { startYard, type StartedYard, type StartOptions } from '../start-yard.js';
import { platformJourney } from './platform.js';
import { taskJourney } from './tasks.js';
import { traveller, type Traveller } from './traveller.js';
import { workflowJourney } from './workflows.js';

/** All that a user does, against one composition of the yard. */
export function journey(composition: NonNullable<StartOptions['composition']>): void {
  let started: StartedYard | undefined;
  let me: Traveller | undefined;
  const here = (): Traveller => {
    if (me === undefined) throw new Error('the yard is not up');
    return me;
  };

  beforeAll(async () => {
    started = await startYard({ composition });
    me = traveller(started);
  });
  afterAll(async () => {
    await me?.leave().catch(() => undefined);
    if (started === undefined) return;
    await started.stop();
    await killTree(started.home);
  });

  describe('tasks', () => {
    taskJourney(here);
  });
  describe('workflows', () => {
    workflowJourney(here);
  });
  describe('the platform', () => {
    platformJourney(here);
  });

  it('stops with Ctrl-C and leaves no process behind', async () => {
    await here().leave();
    me = undefined;
    expect(await started?.stop()).toBe(0);
    expect(describeTree(started?.home ?? '')).toEqual([]);
  });
}
