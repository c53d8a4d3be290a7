import { commands, type Reply, type SubmitReply } from '@yardmaster/contracts';
import type { BlobStore } from '@yardmaster/ports';
import type { Bus, ClusterLevel } from '@yardmaster/service-kit';
import { COMMAND_BYTES, packSubmit, type SubmissionParts } from './submit-command.js';

/** A large workflow takes its owner longer than a command usually may. */
const LARGE_MS = 30_000;

/** Brings submissions to the owner of their partition. */
export class OwnerDispatch {
  constructor(
    private readonly bus: Bus,
    private readonly blobs: BlobStore,
    private readonly level: ClusterLevel,
  ) {}

  /** As the owners of this cluster read it. */
  pack(parts: SubmissionParts): Uint8Array {
    return packSubmit(parts, this.level.now);
  }

  async send(partition: number, parts: SubmissionParts): Promise<Reply<SubmitReply>> {
    return await this.sendBytes(partition, parts, this.pack(parts));
  }

  /** Bytes too many for one message lie in the blob store, and the owner is told where. */
  async sendBytes(
    partition: number,
    { identity: { tenant } }: SubmissionParts,
    bytes: Uint8Array,
  ): Promise<Reply<SubmitReply>> {
    const subject = commands.tasks(partition);
    if (bytes.length <= COMMAND_BYTES) return await this.bus.requestBytes<SubmitReply>(subject, bytes);
    const sha256 = await this.blobs.put(tenant, bytes);
    return await this.bus.request<SubmitReply>(
      subject,
      { op: 'submit-blob', sha256, tenant },
      { timeoutMs: LARGE_MS },
    );
  }
}
