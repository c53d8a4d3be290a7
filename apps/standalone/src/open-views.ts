import type { OpenRuntime } from '@yardmaster/composition';
import type { GatewayViews } from '@yardmaster/gateway';
import type { Servers } from '@yardmaster/servers';

export interface OpenViews extends GatewayViews {
  close(): Promise<void>;
}

export async function openViews(_runtime: OpenRuntime, _servers: Servers): Promise<OpenViews> {
  await Promise.resolve();
  return { readModel: null, graph: null, close: () => Promise.resolve() };
}
