import { expect, it } from 'vitest';
import { graphLines, type GraphNode } from './graph-lines.js';
import { graphSvg } from './graph-svg.js';

const node = (key: string, rank: number, parents: string[] = []): GraphNode => ({
  key,
  rank,
  parents,
  state: 'blocked',
  status: 'waiting',
});

it('a graph is shown by levels with what each task needs', () => {
  expect(
    graphLines(
      [node('plan', 0), node('a', 1, ['plan']), node('b', 1, ['plan']), node('sum', 2, ['a', 'b'])],
      100,
    ),
  ).toEqual(['4 tasks, 4 dependencies, 3 levels', '    plan', '  ▼ a ◂ plan   b ◂ plan', '  ▼ sum ◂ a, b']);
});

it('wide levels are counted and terminal codes in keys are shown, not obeyed', () => {
  const many = Array.from({ length: 100 }, (_, i) => node(`t${i}\u001b[2J`, 0));
  const [, line] = graphLines(many, 60);
  expect(line).toContain('… 100 in all');
  expect(line).toContain('t0\\x1b[2J');
  expect(line?.length).toBeLessThanOrEqual(62);
});

it('a picture holds every task and edge, with names escaped', () => {
  const svg = graphSvg([node('a<b>', 0), node('c', 1, ['a<b>'])]);
  expect(svg.match(/<rect/g)).toHaveLength(2);
  expect(svg.match(/marker-end/g)).toHaveLength(1);
  expect(svg).toContain('a&lt;b&gt;');
});
