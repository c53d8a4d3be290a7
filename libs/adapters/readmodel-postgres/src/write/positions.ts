import type pg from 'pg';

/** Name under which positions are kept. */
export const PROJECTION = 'relational';

/** Last envelope of a stream that the tables know. */
export interface ProjectedPosition {
  readonly seq: number;
  /** sha256 of that envelope, hex. */
  readonly hash: string;
}

export async function storedPositions(client: pg.ClientBase): Promise<Map<string, ProjectedPosition>> {
  const { rows } = await client.query<{ stream: string; seq: string; hash: string }>(
    'SELECT stream, seq, hash FROM checkpoint WHERE projection = $1',
    [PROJECTION],
  );
  return new Map(rows.map(({ stream, seq, hash }) => [stream, { seq: Number(seq), hash }]));
}
