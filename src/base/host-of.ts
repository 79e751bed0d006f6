import { isIP } from 'node:net';

/** The host of a SIP URI or of `address:port`; what it is not sure of stays as it is. */
export function hostOf(peer: string): string {
  const bare = peer.replace(/^<?sips?:/i, '').replace(/[;>?].*$/s, '');
  const authority = bare.slice(bare.lastIndexOf('@') + 1);
  const bracketed = /^\[([^\]]+)\]/.exec(authority)?.[1];
  if (bracketed !== undefined) return bracketed;
  return isIP(authority) === 0 ? authority.replace(/:\d+$/, '') : authority;
}
