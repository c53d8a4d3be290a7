import { describe, expect, it } from 'vitest';
import { clusterOptions } from './cluster-options.js';

describe('the options of dev:cluster', () => {
  it('are one of everything, started again soon, unless told otherwise', () => {
    expect(clusterOptions(['--no-example'])).toEqual({
      replicas: 1,
      natsServers: 1,
      from: null,
      levels: [],
      restartAfterMs: 500,
    });
    expect(
      clusterOptions([
        '--replicas',
        '2',
        '--nats',
        '3',
        '--restart-after',
        '15',
        '--from',
        '..',
        '--levels',
        '1,2',
      ]),
    ).toEqual({
      replicas: 2,
      natsServers: 3,
      from: '..',
      levels: [1, 2],
      restartAfterMs: 15_000,
    });
    expect(clusterOptions(['--restart-after', 'never']).restartAfterMs).toBe(Infinity);
  });

  it.each([
    [['--replicas', '0'], '--replicas 0'],
    [['--replicas', 'two'], '--replicas two'],
    [['--nats', '2'], '--nats 2'],
    [['--levels', '1,two'], '--levels 1,two'],
    [['--restart-after', 'soon'], '--restart-after soon'],
    [['--what'], '--what'],
  ])('that make no sense are named: %s', (args, named) => {
    expect(() => clusterOptions(args)).toThrow(named);
  });
});
