import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import type { RoleHost } from '../role/role-host.js';

/**
 * Nest's door for commands over the log's own broker connection: listening means that the roles of this process are restored,
 * have taken their streams over and answer on their subjects; closing means that nothing new is taken and what was proposed is
 * on disk. A role's subject is subscribed only while it owns its stream, so there are no static message patterns.
 */
export class YardTransport extends Server implements CustomTransportStrategy {
  constructor(private readonly host: RoleHost) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    this.host.start().then(() => {
      callback();
    }, callback);
  }

  async close(): Promise<void> {
    await this.host.close();
  }

  override on(): never {
    throw new Error('the yard transport has no events of its own');
  }

  override unwrap<T>(): T {
    return this.host as T;
  }
}
