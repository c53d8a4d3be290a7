import { ENVELOPE_VERSION } from './envelope-codec.js';
import { CODECS } from './registry.js';

export { FEATURE_LEVEL } from '@yardmaster/domain';

/** Version of each event, and of the envelope, that this program reads, and all before it. */
export function eventVersions(): Readonly<Record<string, number>> {
  return Object.fromEntries([
    ...[...CODECS.values()].map(({ type, version }): [string, number] => [type, version]),
    ['Envelope', ENVELOPE_VERSION],
  ]);
}
