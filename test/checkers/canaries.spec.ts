import { describe, expect, it } from 'vitest';
import { type Canary, faultsOfCanaries, type Transcript, unheard } from './canaries.js';

const ANNS: Canary = { word: 'canary-4f1d', owner: 'ann' };
const SECRET: Canary = { word: 'yk_0123456789', owner: null };
const own: Transcript = { where: "ann's list of tasks", reader: 'ann', text: '{"name":"canary-4f1d"}' };

describe('the checker of canaries', () => {
  it('finds nothing where each reads its own', () => {
    expect(faultsOfCanaries([ANNS, SECRET], [own, { ...own, reader: 'bob', text: '{"items":[]}' }])).toEqual(
      [],
    );
  });

  it('finds a word of one tenant in the answer to another (I10)', () => {
    const broken = { ...own, reader: 'bob', where: "bob's list of tasks" };
    expect(faultsOfCanaries([ANNS], [own, broken])).toEqual([
      "I10 a word of ann stands in bob's list of tasks, which bob may read",
    ]);
  });

  it('finds a word of a tenant in clear in a file (I10)', () => {
    const broken = { ...own, reader: null, where: 'a block of the log' };
    expect(faultsOfCanaries([ANNS], [broken])).toHaveLength(1);
  });

  it('finds a secret wherever it stands, also where its user reads (I11)', () => {
    const broken = { where: 'the metrics', reader: 'ann', text: `token="${SECRET.word}"` };
    expect(faultsOfCanaries([SECRET], [own, broken])).toEqual(['I11 a secret stands in the metrics']);
  });

  it('does not take words for kept that never arrived', () => {
    expect(unheard([ANNS, SECRET], [own])).toEqual([]);
    expect(unheard([ANNS], [{ ...own, text: '' }])).toEqual([ANNS]);
    expect(unheard([ANNS], [{ ...own, reader: 'bob' }])).toEqual([ANNS]);
  });
});
