import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function base62(bytes: Uint8Array, length: number): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (let i = 0; i < length; i++) {
    text = (ALPHABET[Number(value % 62n)] ?? '0') + text;
    value /= 62n;
  }
  return text;
}

/** A fresh key: `yk_local_<id>_<32 random bytes in base62><crc32>`. The prefix and the checksum help secret scanners. */
export function newKey(): { keyId: string; key: string; hash: string } {
  const keyId = base62(randomBytes(6), 8);
  const secret = base62(randomBytes(32), 43);
  const body = `yk_local_${keyId}_${secret}`;
  const key = body + crc32(body).toString(16).padStart(8, '0');
  return { keyId, key, hash: hashKey(key) };
}

/** 256 random bits need no slow hash. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
