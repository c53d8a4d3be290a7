import { commands, telemetry, type NodeHeartbeat } from '@yardmaster/contracts';
import type { RoleHost, YardRuntime } from '@yardmaster/service-kit';

const BEAT_MS = 1_000;

/** Tells the cluster manager and the monitor each second that this process lives, and which roles it has. */
export function startHeartbeat(runtime: YardRuntime, host: RoleHost | null): () => void {
  const { bus, clock, config, metrics } = runtime;
  const beat = (): void => {
    const roles = host?.status() ?? [];
    const lag: Record<string, number> = {};
    for (const { positions } of roles)
      for (const [stream, seq] of Object.entries(positions)) lag[stream] = Math.max(lag[stream] ?? 0, seq);
    const heartbeat: NodeHeartbeat = {
      node: config.node,
      service: config.service,
      pid: process.pid,
      at: clock.now(),
      lag,
      roles: roles.map(({ role, epoch }) => ({ role, epoch, state: 'active' as const })),
    };
    bus.publish(telemetry.heartbeat(config.node), heartbeat);
  };
  // Whoever hears that it lives may ask how it does.
  const serving = bus.serve(commands.metrics(config.node), async () => ({
    ok: true,
    value: await metrics.values(),
  }));
  const timer = setInterval(beat, BEAT_MS);
  beat();
  return () => {
    clearInterval(timer);
    serving.stop();
  };
}
