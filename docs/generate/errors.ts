import { ERRORS, type ErrorCode } from '@yardmaster/contracts';
import { code, table } from './markdown.js';
import { sourceFiles } from './source-files.js';

const GRPC: Readonly<Record<number, string>> = {
  3: 'INVALID_ARGUMENT',
  5: 'NOT_FOUND',
  6: 'ALREADY_EXISTS',
  7: 'PERMISSION_DENIED',
  8: 'RESOURCE_EXHAUSTED',
  9: 'FAILED_PRECONDITION',
  10: 'ABORTED',
  11: 'OUT_OF_RANGE',
  12: 'UNIMPLEMENTED',
  13: 'INTERNAL',
  14: 'UNAVAILABLE',
  16: 'UNAUTHENTICATED',
};

/** What to do about each; a code without a line here fails the build of this page. */
const ADVICE: Readonly<Record<ErrorCode, string>> = {
  'invalid-request': 'mend the fields that `errors[]` names',
  unauthenticated: 'send `Authorization: Bearer yk_...`; check `YARD_TOKEN`',
  forbidden: 'use a key with a role that may do it (see [HTTP](http.md))',
  'not-found': 'check the id; what belongs to another tenant is not found either',
  'method-not-allowed': 'see the list of calls in [HTTP](http.md)',
  conflict: 'read the present state, then decide',
  'already-ended': 'nothing: it has ended',
  'lease-lost': 'drop the attempt; the task runs elsewhere or has ended',
  resync: 'read the list again and follow from there',
  'payload-too-large': 'send less at once; large results go to the blob store by themselves',
  'unsupported-media-type': 'send JSON, or YAML where a task or workflow is taken',
  'idempotency-mismatch': 'use a new key for a new body',
  'cycle-in-graph': 'remove one of the edges that `cycle` names',
  'unknown-parent': 'name a key of the same workflow, or the id of a task of the same tenant',
  'parents-in-several-partitions': 'submit the tasks together, as a workflow',
  'never-runnable': 'ask for less of the dimension named, or add a larger worker',
  'script-not-found': 'upload the script first; the path counts from the script root of the tenant',
  'rate-limit-exceeded': 'wait for `Retry-After` seconds',
  'quota-exceeded': 'wait until tasks have ended',
  internal: 'tell the operator the `traceId`; the log says more',
  overloaded: 'repeat with growing pauses',
  unavailable: 'repeat with growing pauses; `yard doctor` looks for the cause',
  'outcome-unknown': 'repeat with the same `Idempotency-Key`: nothing is done twice',
};

export function errorTable(): string {
  const givers = sourceFiles('apps', 'libs').filter(
    ({ path }) => !/\/catalogue\.ts$|^libs\/sdk\//.test(path),
  );
  const rows = (Object.keys(ERRORS) as ErrorCode[]).map((name) => {
    const { http, grpc, exit, retryable, title } = ERRORS[name];
    return [
      code(name),
      String(http),
      GRPC[grpc] ?? String(grpc),
      String(exit),
      retryable ? 'yes' : '',
      title,
      givers.some(({ text }) => text.includes(`'${name}'`)) ? ADVICE[name] : 'reserved: not given yet',
    ];
  });
  return table(['code', 'HTTP', 'gRPC', 'exit', 'repeat', 'title', 'what to do'], rows);
}
