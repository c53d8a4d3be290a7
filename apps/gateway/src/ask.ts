import { YardError, type Reply } from '@yardmaster/contracts';

/** The value of a reply; a rejection is thrown, on its way to the caller. */
export async function valueOf<T>(reply: Promise<Reply<T>>): Promise<T> {
  const answer = await reply;
  if (answer.ok) return answer.value;
  throw new YardError(answer.rejection);
}
