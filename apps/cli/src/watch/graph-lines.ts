import { cut, plain } from '../output/colour.js';

export interface GraphNode {
  readonly key: string;
  /** Longest path from a root. */
  readonly rank: number;
  readonly state: string;
  readonly status: string;
  /** Keys of the tasks that it needs. */
  readonly parents: readonly string[];
}

const NAMED = 6;

/** The graph by levels, one line each, roots first: `clean ◂ fetch, seed` needs both. Wide levels are counted. */
export function graphLines(nodes: readonly GraphNode[], width: number): string[] {
  const levels = [...Map.groupBy(nodes, (node) => node.rank)].sort(([a], [b]) => a - b);
  const edges = nodes.reduce((sum, node) => sum + node.parents.length, 0);
  const lines = [
    `${count(nodes.length, 'task')}, ${count(edges, 'dependency', 'dependencies')}, ${count(levels.length, 'level')}`,
  ];
  for (const [i, [, level]] of levels.entries()) {
    const arrow = i === 0 ? '  ' : '▼ ';
    const names = level.slice(0, NAMED).map((node) => named(node));
    const more = level.length > NAMED ? `  … ${String(level.length)} in all` : '';
    lines.push(`  ${arrow}${cut(names.join('   '), Math.max(20, width - 6 - more.length))}${more}`);
  }
  return lines;
}

function named({ key, parents }: GraphNode): string {
  if (parents.length === 0) return plain(key);
  const some = parents.slice(0, 3).map(plain).join(', ');
  return `${plain(key)} ◂ ${some}${parents.length > 3 ? ` +${String(parents.length - 3)}` : ''}`;
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${String(n)} ${n === 1 ? one : many}`;
}
