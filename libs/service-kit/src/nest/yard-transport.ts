import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import type { ClusterNode } from '../cluster/cluster-node.js';

/**
 * Nest's door for commands over the log's own broker connection: listening means that this process is a member of the cluster
 * and that the roles it was given are restored, have taken their streams over and answer on their subjects; closing means that
 * nothing new is taken, what was proposed is on disk and the roles are others' to have. A role's subject is subscribed only
 * while it owns its stream, so there are no static message patterns.
 */
export class YardTransport extends Server implements CustomTransportStrategy {
  constructor(private readonly node: ClusterNode) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    this.node.start().then(() => {
      callback();
    }, callback);
  }

  async close(): Promise<void> {
    await this.node.stop();
  }

  override on(): never {
    throw new Error('the yard transport has no events of its own');
  }

  override unwrap<T>(): T {
    return this.node as T;
  }
}
