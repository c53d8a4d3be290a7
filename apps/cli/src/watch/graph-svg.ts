import { cut } from '../output/colour.js';
import type { GraphNode } from './graph-lines.js';

const BOX = { width: 150, height: 30, gapX: 24, gapY: 46, margin: 20 };
const FILL: Readonly<Record<string, string>> = {
  done: '#c9e7cb',
  failed: '#f4c7c3',
  dead: '#e3a9a3',
  in_progress: '#cfe2f8',
  waiting: '#eeeeee',
};

/** The graph as a picture: one row a level, coloured by status. */
export function graphSvg(nodes: readonly GraphNode[]): string {
  const levels = [...Map.groupBy(nodes, (node) => node.rank)]
    .sort(([a], [b]) => a - b)
    .map(([, level]) => level);
  const widest = Math.max(1, ...levels.map((level) => level.length));
  const width = 2 * BOX.margin + widest * (BOX.width + BOX.gapX) - BOX.gapX;
  const height = 2 * BOX.margin + levels.length * (BOX.height + BOX.gapY) - BOX.gapY;
  const places = new Map<string, { x: number; y: number }>();
  for (const [row, level] of levels.entries()) {
    const own = level.length * (BOX.width + BOX.gapX) - BOX.gapX;
    for (const [i, { key }] of level.entries()) {
      places.set(key, {
        x: (width - own) / 2 + i * (BOX.width + BOX.gapX),
        y: BOX.margin + row * (BOX.height + BOX.gapY),
      });
    }
  }
  const lines = nodes.flatMap(({ key, parents }) =>
    parents.map((parent) => edge(places.get(parent), places.get(key))),
  );
  const boxes = nodes.map((node) => box(node, places.get(node.key)));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${num(width)} ${num(height)}" width="${num(width)}" height="${num(height)}" font-family="sans-serif" font-size="12">
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#888"/></marker></defs>
${lines.join('')}${boxes.join('')}</svg>
`;
}

type Place = { x: number; y: number } | undefined;

function edge(from: Place, to: Place): string {
  if (!from || !to) return '';
  const [x1, y1, x2, y2] = [from.x + BOX.width / 2, from.y + BOX.height, to.x + BOX.width / 2, to.y];
  const mid = (y1 + y2) / 2;
  return `<path d="M${num(x1)} ${num(y1)}C${num(x1)} ${num(mid)} ${num(x2)} ${num(mid)} ${num(x2)} ${num(y2)}" fill="none" stroke="#888" marker-end="url(#tip)"/>\n`;
}

function box({ key, state, status }: GraphNode, place: Place): string {
  if (!place) return '';
  const { x, y } = place;
  return (
    `<g><title>${escaped(`${key}: ${state}`)}</title><rect x="${num(x)}" y="${num(y)}" width="${num(BOX.width)}" height="${num(BOX.height)}" rx="5" fill="${FILL[status] ?? '#eeeeee'}" stroke="#666"/>` +
    `<text x="${num(x + BOX.width / 2)}" y="${num(y + BOX.height / 2 + 4)}" text-anchor="middle">${escaped(cut(key, 22))}</text></g>\n`
  );
}

const num = (value: number): string => String(Math.round(value * 10) / 10);

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
