import type { Page } from '@yardmaster/contracts';

export interface ListOptions {
  /** Items of a page, 1 to 1000. */
  limit?: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

/** Walks all pages. */
export async function* paged<T>(
  read: (cursor: string | null) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  for (let cursor: string | null = null; ;) {
    const page: Page<T> = await read(cursor);
    yield* page.items;
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}
