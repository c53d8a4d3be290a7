import { commands, type ClusterView } from '@yardmaster/contracts';
import type { Bus } from '@yardmaster/service-kit';

const SHORT = { timeoutMs: 1_000, patienceMs: 0 };
/** A process that was silent for so long is not asked. */
const GONE_MS = 5_000;

/** Metrics of every other process of the yard; those that do not answer are left out. */
export async function metricsOfOthers(bus: Bus, self: string): Promise<readonly (readonly unknown[])[]> {
  const view = await bus.request<ClusterView>(commands.cluster, { op: 'view' }, SHORT);
  if (!view.ok) return [];
  const nodes = view.value.nodes.filter(({ node, lastSeenMs }) => node !== self && lastSeenMs < GONE_MS);
  const answers = await Promise.all(
    nodes.map(({ node }) => bus.request<readonly unknown[]>(commands.metrics(node), null, SHORT)),
  );
  return answers.flatMap((answer) => (answer.ok && Array.isArray(answer.value) ? [answer.value] : []));
}
