/** No-ops that do not know each other. */
export const noops = (
  n: number,
  handler = 'noop',
  name = 'noop',
): { name: string; run: { handler: string } }[] =>
  Array.from({ length: n }, () => ({ name, run: { handler } }));

/** No-ops in layers, each with up to 3 parents in the layer before. */
export function layers(
  count: number,
  width: number,
): { name: string; run: { handler: string }; dependsOn: string[] }[] {
  return Array.from({ length: count * width }, (_, i) => {
    const layer = Math.floor(i / width);
    const parents =
      layer === 0 ? [] : [0, 1, 2].map((k) => `t${String((layer - 1) * width + ((i * 7 + k * 13) % width))}`);
    return { name: `t${String(i)}`, run: { handler: 'noop' }, dependsOn: [...new Set(parents)] };
  });
}
