/** Lets the thread's other work have its turn: roles, and what came from the broker and the stores in between. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
