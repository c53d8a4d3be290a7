import type { ClusterResponse, Yard } from '@yardmaster/sdk';
import type { ShiftedClock } from '../tools/clock.js';
import type { Ext4Disk } from '../tools/ext4-disk.js';
import type { TcpProxy } from '../tools/tcp-proxy.js';
import type { Child } from './child.js';
import type { KeptServers } from './kept-servers.js';

/** A yard of real processes that faults are done to. */
export interface YardUnderTest {
  readonly home: string;
  /** Gateways. */
  readonly urls: readonly string[];
  readonly token: string;
  readonly replicas: 1 | 3;
  readonly servers: KeptServers;
  /** The yard's own processes by name: one alone, or every node. */
  readonly nodes: ReadonlyMap<string, Child>;
  readonly agent: Child;
  /** A client that never repeats by itself. */
  readonly client: Yard;
  /** Proxies between the services and a server, where the fault asked for them. */
  readonly proxies: ReadonlyMap<string, TcpProxy>;
  /** By folder, the disks that the fault asked for. */
  readonly disks: ReadonlyMap<string, Ext4Disk>;
  /** By node, the wall clocks that the fault asked for. */
  readonly clocks: ReadonlyMap<string, ShiftedClock>;
  /** What a gateway tells of nodes and roles; null when none does. */
  cluster(): Promise<ClusterResponse | null>;
  /** Starts again what is down, and waits until every role has an owner and the agent has joined. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}
