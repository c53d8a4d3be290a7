import { accessSync, constants } from 'node:fs';
import path from 'node:path';

export function findProgram(name: string): string | null {
  for (const directory of (process.env['PATH'] ?? '').split(':')) {
    const file = path.join(directory, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Elsewhere.
    }
  }
  return null;
}
