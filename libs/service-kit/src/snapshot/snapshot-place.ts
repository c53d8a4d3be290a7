/** Folder of a role's snapshots. */
export function snapshotFolder(role: string): string {
  return role.replaceAll('/', '-');
}

/** Names sort by how much of the log is in them. */
export function snapshotName(positions: Readonly<Record<string, { readonly seq: number }>>): string {
  const messages = Object.values(positions).reduce((sum, { seq }) => sum + seq, 0);
  return `${String(messages).padStart(16, '0')}.snapshot`;
}

/** Newest first. */
export function newestFirst(names: readonly string[]): string[] {
  return names.filter((name) => name.endsWith('.snapshot')).reverse();
}
