import { readdir, readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';

/** Throws, naming the holder and the variable to set, when the port cannot be listened on. 0 is always free. */
export async function requireFreePort(host: string, port: number, variable: string): Promise<void> {
  if (port === 0 || (await isFree(host, port))) return;
  const holder = await holderOf(port);
  throw new Error(
    `port ${String(port)} is taken${holder === null ? '' : ` by ${holder}`}: stop that, or set ${variable} to another port (0 = any free one)`,
  );
}

async function isFree(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen(port, host, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}

/** `name (pid n)` of whoever listens on the port, from /proc; null where that cannot be told. */
async function holderOf(port: number): Promise<string | null> {
  try {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const tables = await Promise.all(
      ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')),
    );
    const inodes = new Set<string>();
    for (const line of tables.join('\n').split('\n')) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(`:${hex}`) === true && fields[3] === '0A' && fields[9] !== undefined)
        inodes.add(`socket:[${fields[9]}]`);
    }
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
      for (const fd of descriptors) {
        if (!inodes.has(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''))) continue;
        const name = (await readFile(`/proc/${pid}/comm`, 'utf8')).trim();
        return `${name} (pid ${pid})`;
      }
    }
  } catch {
    // No /proc here.
  }
  return null;
}

/** A port that nobody listens on just now. */
export async function freePort(host: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, host, () => {
      const address = probe.address();
      probe.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}
