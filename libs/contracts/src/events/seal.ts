import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  randomFillSync,
} from 'node:crypto';
import { pack, unpack } from '../wire.js';

/** [tenant, nonce, ciphertext with tag]: the content of one tenant in one envelope, AES-256-GCM. */
export type SealedBlock = readonly [tenant: number, nonce: Uint8Array, body: Uint8Array];

const TAG = 16;
const NONCE = 12;

// A key is turned into OpenSSL's form once, not once an envelope.
const keyObjects = new WeakMap<Uint8Array, KeyObject>();

function keyObjectOf(key: Uint8Array): KeyObject {
  let object = keyObjects.get(key);
  if (object === undefined) keyObjects.set(key, (object = createSecretKey(key)));
  return object;
}

// Random nonces are drawn many at a time: each draw alone is a system call.
const pool = Buffer.alloc(NONCE * 512);
let drawn = pool.length;

function nextNonce(): Uint8Array {
  if (drawn === pool.length) {
    randomFillSync(pool);
    drawn = 0;
  }
  const nonce = Uint8Array.prototype.slice.call(pool, drawn, drawn + NONCE);
  drawn += NONCE;
  return nonce;
}

/** Seals a tenant's contents. `context` binds the block to its envelope. */
export function seal(
  tenant: number,
  key: Uint8Array,
  context: string,
  contents: readonly unknown[],
): SealedBlock {
  const nonce = nextNonce();
  const cipher = createCipheriv('aes-256-gcm', keyObjectOf(key), nonce);
  cipher.setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(pack(contents)), cipher.final(), cipher.getAuthTag()]);
  return [tenant, nonce, body];
}

/** Opens a block; throws when it was tampered with. */
export function unseal(block: SealedBlock, key: Uint8Array, context: string): readonly unknown[] {
  const [, nonce, body] = block;
  const decipher = createDecipheriv('aes-256-gcm', keyObjectOf(key), nonce);
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(body.subarray(body.length - TAG));
  const plain = Buffer.concat([decipher.update(body.subarray(0, body.length - TAG)), decipher.final()]);
  return unpack(plain) as readonly unknown[];
}
