import { WAIT_REASON_TEXT, WAIT_REASONS, type WaitReason } from '@yardmaster/domain';
import { code, table } from './markdown.js';
import { sourceFiles } from './source-files.js';

const ADVICE: Partial<Record<WaitReason, string>> = {
  'not-due': 'nothing: it starts at its `scheduling.at`',
  'blocked-by-parents': 'look at its parents: `yard task get`',
  'queue-paused': '`yard queue resume`',
  'lower-priority': 'raise `scheduling.priority`, or add workers',
  'no-worker-matches': 'start an agent, or an SDK worker with that handler; check the labels it requires',
  'insufficient-resources': 'ask for less, wait, or add a worker',
  'backing-off': 'read the error of its last attempt',
  'awaiting-batch': 'nothing: others of its kind are queued already',
};

export function waitReasonTable(): string {
  const texts = sourceFiles('apps').map(({ text }) => text);
  const rows = WAIT_REASONS.map((reason, i) => {
    const isGiven = texts.some((text) => text.includes(`'${reason}'`));
    return [
      String(i + 1),
      code(reason),
      WAIT_REASON_TEXT[reason],
      isGiven ? (ADVICE[reason] ?? '') : 'reserved: not given yet',
    ];
  });
  return table(['', 'reason', 'meaning', 'what to do'], rows);
}
