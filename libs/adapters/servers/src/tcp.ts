import net from 'node:net';

/** A port of the loopback interface that is free now, held until `release`. */
export interface HeldPort {
  readonly port: number;
  release(): Promise<void>;
}

export function holdFreePort(): Promise<HeldPort> {
  return new Promise((resolve, reject) => {
    const holder = net.createServer((socket) => socket.destroy());
    holder.on('error', reject);
    holder.listen(0, '127.0.0.1', () => {
      const { port } = holder.address() as net.AddressInfo;
      // A forgotten hold must not keep the process alive.
      holder.unref();
      resolve({ port, release: () => new Promise((done) => holder.close(() => done())) });
    });
  });
}

export async function freePort(): Promise<number> {
  const held = await holdFreePort();
  await held.release();
  return held.port;
}

/** The first bytes a server sends on its own account, or undefined when nobody answers. */
export function greeting(host: string, port: number, patienceMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const finish = (text: string | undefined): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(patienceMs, () => finish(undefined));
    socket.once('error', () => finish(undefined));
    socket.once('data', (chunk) => finish(chunk.toString('latin1')));
    socket.once('close', () => resolve(undefined));
  });
}
