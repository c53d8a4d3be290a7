import { Metadata } from '@grpc/grpc-js';
import { ERRORS, type Rejection } from '@yardmaster/contracts';

export interface GrpcFault {
  readonly code: number;
  readonly message: string;
  readonly metadata: Metadata;
}

const DOMAIN = 'yardmaster.dev';

/** A rejection as a gRPC status with google.rpc details: ErrorInfo, BadRequest, RetryInfo. */
export function grpcFault(why: Rejection): GrpcFault {
  const { grpc } = ERRORS[why.code];
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', encodeStatus(grpc, why));
  return { code: grpc, message: why.detail, metadata };
}

function encodeStatus(code: number, { code: reason, detail, errors, retryAfter, extra }: Rejection): Buffer {
  const info = Buffer.concat([
    text(1, reason),
    text(2, DOMAIN),
    ...Object.entries(extra ?? {}).map(([name, value]) =>
      block(
        3,
        Buffer.concat([text(1, name), text(2, typeof value === 'string' ? value : JSON.stringify(value))]),
      ),
    ),
  ]);
  const details = [any('google.rpc.ErrorInfo', info)];
  if (errors !== undefined && errors.length > 0) {
    details.push(
      any(
        'google.rpc.BadRequest',
        Buffer.concat(
          errors.map(({ path, message }) => block(1, Buffer.concat([text(1, path), text(2, message)]))),
        ),
      ),
    );
  }
  if (retryAfter !== undefined)
    details.push(
      any(
        'google.rpc.RetryInfo',
        block(1, Buffer.concat([Buffer.from([0x08]), varint(Math.max(1, Math.ceil(retryAfter)))])),
      ),
    );
  return Buffer.concat([
    Buffer.from([0x08]),
    varint(code),
    text(2, detail),
    ...details.map((detailBytes) => block(3, detailBytes)),
  ]);
}

function any(type: string, value: Buffer): Buffer {
  return Buffer.concat([text(1, `type.googleapis.com/${type}`), block(2, value)]);
}

function text(field: number, value: string): Buffer {
  return block(field, Buffer.from(value, 'utf8'));
}

/** A length-delimited field of protobuf. */
function block(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(value.length), value]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left > 0x7f) {
    bytes.push((left & 0x7f) | 0x80);
    left = Math.floor(left / 128);
  }
  bytes.push(left);
  return Buffer.from(bytes);
}
