import type { Rejection } from '../errors/catalogue.js';

/** Every reply to a command, msgpack on the wire. */
export type Reply<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly rejection: Rejection };
