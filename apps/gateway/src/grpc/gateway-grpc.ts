import { fileURLToPath } from 'node:url';
import { Server as GrpcServer, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { ServerGrpc } from '@nestjs/microservices';
import { LIMITS, PROTO_FILES, PROTO_ROOT } from '@yardmaster/contracts';

const CHANNEL: ServerOptions = {
  'grpc.max_receive_message_length': LIMITS.workflowBytes,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_permit_without_calls': 1,
};

/** Nest's gRPC transport, which also tells the port it got and offers reflection outside production. */
export class GatewayGrpc extends ServerGrpc {
  /** 0 until it listens. */
  port = 0;

  constructor(
    private readonly host: string,
    private readonly wantedPort: number,
  ) {
    super({
      package: ['yardmaster.v1', 'grpc.health.v1'],
      protoPath: PROTO_FILES.map((file) => fileURLToPath(new URL(file, PROTO_ROOT))),
      loader: {
        includeDirs: [fileURLToPath(PROTO_ROOT)],
        longs: Number,
        enums: String,
        defaults: false,
        oneofs: false,
      },
      url: `${host}:${String(wantedPort)}`,
      onLoadPackageDefinition: (
        definition: ConstructorParameters<typeof ReflectionService>[0],
        server: Pick<GrpcServer, 'addService'>,
      ) => {
        if (process.env['NODE_ENV'] !== 'production') new ReflectionService(definition).addToServer(server);
      },
    });
  }

  override async createClient(): Promise<GrpcServer> {
    const server = new GrpcServer(CHANNEL);
    this.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(
        `${this.host}:${String(this.wantedPort)}`,
        ServerCredentials.createInsecure(),
        (error, port) => {
          if (error === null) resolve(port);
          else reject(error);
        },
      );
    });
    return server;
  }
}
