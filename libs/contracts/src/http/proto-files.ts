/** Folder of the .proto files, and those that a gRPC server loads. */
export const PROTO_ROOT: URL = new URL('../../proto/', import.meta.url);
export const PROTO_FILES = [
  'yardmaster/v1/tasks.proto',
  'yardmaster/v1/workflows.proto',
  'grpc/health/v1/health.proto',
] as const;
