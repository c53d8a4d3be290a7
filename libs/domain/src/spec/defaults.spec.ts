import { describe, expect, it } from 'vitest';
import {
  defaultRetry,
  parsePriority,
  parsePriorityClass,
  PRIORITY_CLASSES,
  priorityClassOf,
} from './defaults.js';

describe('a priority', () => {
  it.each([
    ['low', 250],
    ['normal', 500],
    ['high', 750],
    [0, 0],
    [1_000, 1_000],
    ['700', 700],
  ])('reads %j', (input, priority) => {
    expect(parsePriority(input)).toEqual({ ok: true, value: priority });
  });

  it.each([
    [1_001, /0 to 1000/],
    [-1, /0 to 1000/],
    [1.5, /0 to 1000/],
    [NaN, /0 to 1000/],
    ['', /low, normal, high/],
    ['hgih', /did you mean "high"/],
    ['toString', /low, normal, high/],
    [null, /low, normal, high/],
    [['high'], /low, normal, high/],
  ])('refuses %j', (input, message) => {
    const read = parsePriority(input);
    expect(read.ok ? '' : read.error).toMatch(message);
  });
});

describe('a priority class', () => {
  it('reads into its rank and back', () => {
    for (const [name, rank] of Object.entries(PRIORITY_CLASSES)) {
      expect(parsePriorityClass(name)).toEqual({ ok: true, value: rank });
      expect(priorityClassOf(rank)).toBe(name);
    }
  });

  it('teaches when it is not one', () => {
    expect(parsePriorityClass('urgnt')).toMatchObject({
      error: expect.stringContaining('did you mean "urgent"') as unknown,
    });
    expect(parsePriorityClass(3)).toMatchObject({ ok: false });
  });
});

describe('the shipped retry policy', () => {
  it('is one execution, and five more for what is not the fault of the task', () => {
    expect(defaultRetry()).toMatchObject({ maxAttempts: 1, lostBudget: 5, on: null });
  });
});
