import type { ViewsVerificationResponse } from '@yardmaster/contracts';
import type { Yard } from '@yardmaster/sdk';
import { until } from '../tools/until.js';

/** I4: the views are made anew beside the stored ones and compared. Null when they are equal, else what differs. */
export async function faultOfViews(client: Yard): Promise<string | null> {
  let last = 'nothing was answered';
  try {
    // What a projector has not folded yet is no difference.
    await until(
      'views that equal the log',
      async () => {
        const told = await verify(client).catch((error: unknown) => {
          last = String(error);
          return null;
        });
        if (told === null) return false;
        const views = [told.relational, told.graph].filter((view) => view !== null);
        last = views
          .flatMap(({ parts, error }) => [
            ...(error === null ? [] : [error]),
            ...parts.filter(({ equal }) => !equal).map(({ name }) => `${name} differs`),
          ])
          .join('; ');
        return told.equal === true;
      },
      { withinMs: 90_000, everyMs: 1_500 },
    );
    return null;
  } catch {
    return `I4 the views do not come to equal the log: ${last}`;
  }
}

async function verify(client: Yard): Promise<ViewsVerificationResponse> {
  let run: string | null = null;
  for (;;) {
    const told: ViewsVerificationResponse = await client.call<ViewsVerificationResponse>({
      method: 'POST',
      path: `/v1/admin/verify${run === null ? '' : `?run=${encodeURIComponent(run)}`}`,
      repeatable: run !== null,
    });
    if (told.state !== 'running') return told;
    run = told.run;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
