import { Yard } from '../../libs/sdk/dist/index.js';
import { readFileSync } from 'node:fs';
const home = process.env.YARD_HOME;
const { url } = JSON.parse(readFileSync(home + '/context.json', 'utf8'));
const yard = new Yard({ url, token: readFileSync(home + '/operator.token', 'utf8').trim() });
const t0 = Date.now();
const stamp = () => ((Date.now() - t0) / 1000).toFixed(2);
let ok = 0, failed = 0; const errors = {}; let longest = 0;
const end = Date.now() + Number(process.argv[2] ?? 20) * 1000;
const victim = process.argv[3];
const signal = process.argv[4] ?? 'SIGKILL';
async function lane(i) {
  while (Date.now() < end) {
    const at = Date.now();
    try { await yard.tasks.submit({ name: 'x', run: { handler: 'noop' } }); ok++; longest = Math.max(longest, Date.now() - at); }
    catch (e) { failed++; errors[e.code ?? e.message] = (errors[e.code ?? e.message] ?? 0) + 1; }
    await new Promise((r) => setTimeout(r, 20));
  }
}
const lanes = Array.from({ length: 16 }, (_, i) => lane(i));
setTimeout(async () => {
  const view = await yard.cluster();
  const role = view.roles.find((r) => r.role === victim);
  const node = view.nodes.find((n) => n.node === role.node);
  console.log(stamp(), signal, victim, node.node, node.pid);
  const k0 = Date.now();
  process.kill(node.pid, signal);
  const before = new Map(view.roles.filter((r) => r.node === node.node).map((r) => [r.role, r.epoch]));
  while (before.size > 0 && Date.now() < end) {
    await new Promise((r) => setTimeout(r, 50));
    const now = await yard.cluster().catch(() => null);
    for (const r of now?.roles ?? []) if (before.has(r.role) && r.epoch > before.get(r.role) && r.state === 'active') { console.log(stamp(), r.role, r.node, r.epoch, 'after', Date.now() - k0, 'ms'); before.delete(r.role); }
  }
}, 2000);
setInterval(() => console.log(stamp(), 'ok', ok, 'failed', failed), 2000).unref();
await Promise.all(lanes);
console.log({ ok, failed, errors, longest });
process.exit(0);
