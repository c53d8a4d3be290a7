/** Views that the projector makes of the log. */
export const PROJECTIONS = ['relational', 'graph'] as const;
export type ProjectionName = (typeof PROJECTIONS)[number];

export type ProjectorCommand =
  /** Reply: Verification. Starts one under this name, joins the one under way, or tells how it went. */
  | { readonly op: 'verify'; readonly run: string }
  /** Reply: null, once what was stored is thrown away and made anew. */
  | { readonly op: 'rebuild' };

export interface Content {
  /** null where they are not counted. */
  readonly rows: number | null;
  /** Equal for equal contents. */
  readonly hash: string;
}

/** One table, or the graph. */
export interface VerifiedPart {
  readonly name: string;
  readonly equal: boolean;
  readonly stored: Content;
  readonly rebuilt: Content;
}

/** A view beside the same view made anew from the log, up to the same positions. */
export interface Verification {
  readonly state: 'running' | 'done' | 'failed';
  /** null until it is done. */
  readonly equal: boolean | null;
  /** Read from the log so far. */
  readonly events: number;
  /** What making it anew has taken. */
  readonly seconds: number;
  readonly parts: readonly VerifiedPart[];
  readonly error: string | null;
}

export type ProjectionState = 'stopped' | 'starting' | 'running' | 'waiting' | 'halted';

/** Said each second by whoever keeps a view. */
export interface ProjectionReport {
  readonly projection: ProjectionName;
  readonly node: string;
  readonly state: ProjectionState;
  /** Why it waits or halted. */
  readonly error: string | null;
  /** Events of the log that the view does not know. */
  readonly lagEvents: number;
  /** Up to where it has each stream; left out while it does not know. */
  readonly positions?: Readonly<Record<string, number>>;
}
