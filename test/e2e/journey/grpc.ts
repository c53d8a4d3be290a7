import { fileURLToPath } from 'node:url';
import { Metadata, credentials, loadPackageDefinition, type Client, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { PROTO_FILES, PROTO_ROOT } from '@yardmaster/contracts';

type Message = Record<string, unknown>;
type Stub = Client &
  Record<
    string,
    (
      request: Message,
      metadata: Metadata,
      done: (error: ServiceError | null, answer: Message) => void,
    ) => void
  >;
type Service = new (address: string, channel: ReturnType<typeof credentials.createInsecure>) => Stub;

export interface Grpc {
  tasks(method: string, request: Message): Promise<Message>;
  workflows(method: string, request: Message): Promise<Message>;
  close(): void;
}

/** A gRPC client as anyone makes it from the proto files. */
export function openGrpc({ grpc, token }: { readonly grpc: string; readonly token: string }): Grpc {
  const files = PROTO_FILES.map((file) => fileURLToPath(new URL(file, PROTO_ROOT)));
  const loaded = loadPackageDefinition(
    loadSync(files, { includeDirs: [fileURLToPath(PROTO_ROOT)], longs: Number, enums: String }),
  );
  const { v1 } = loaded['yardmaster'] as unknown as { v1: { Tasks: Service; Workflows: Service } };
  const tasks = new v1.Tasks(grpc, credentials.createInsecure());
  const workflows = new v1.Workflows(grpc, credentials.createInsecure());
  const call = (stub: Stub, method: string, request: Message): Promise<Message> => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    return new Promise((resolve, reject) => {
      stub[method]?.(request, metadata, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    });
  };
  return {
    tasks: (method, request) => call(tasks, method, request),
    workflows: (method, request) => call(workflows, method, request),
    close: () => {
      tasks.close();
      workflows.close();
    },
  };
}
