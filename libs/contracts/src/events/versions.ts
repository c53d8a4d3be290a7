import { CODECS } from './registry.js';

export { FEATURE_LEVEL } from '@yardmaster/domain';

/** Version of each event that this program reads, and all before it. */
export function eventVersions(): Readonly<Record<string, number>> {
  return Object.fromEntries([...CODECS.values()].map(({ type, version }) => [type, version]));
}
