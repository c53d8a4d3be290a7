import type { QueryRunner } from 'typeorm';

/** First server that computes columns as they are read: before, they cost a quarter of each write. */
const VIRTUAL_SINCE = 180_000;

/** How this server keeps computed columns best. */
export async function keptBy(runner: QueryRunner): Promise<'VIRTUAL' | 'STORED'> {
  const [server] = (await runner.query(`SELECT current_setting('server_version_num')::int AS version`)) as [
    { readonly version: number },
  ];
  return server.version >= VIRTUAL_SINCE ? 'VIRTUAL' : 'STORED';
}
