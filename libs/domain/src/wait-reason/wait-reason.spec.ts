import { describe, expect, it } from 'vitest';
import { foremost, WAIT_REASON_TEXT, WAIT_REASONS } from './wait-reason.js';

describe('wait reasons', () => {
  it('are a closed list, each once, with words for people', () => {
    expect(WAIT_REASONS).toHaveLength(19);
    expect(new Set(WAIT_REASONS).size).toBe(19);
    expect(Object.keys(WAIT_REASON_TEXT)).toEqual([...WAIT_REASONS]);
  });

  it('show the foremost of those that apply', () => {
    expect(foremost(['awaiting-batch', 'blocked-by-parents', 'throttled'])).toBe('blocked-by-parents');
    expect(foremost(['backing-off', 'held'])).toBe('held');
    expect(foremost([])).toBeNull();
  });
});
