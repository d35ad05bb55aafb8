import { type BlockList, isIP, SocketAddress } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { blockList } from '../config/kinds.js';
import { ownText } from '../kernel/own-text.js';

/** More proxies in a row than anyone has; what stands further left was said by someone unknown. */
const MOST_HOPS = 16;
/** Longer than any address with blanks around it. */
const MOST_LETTERS = 64;
const MOST_KNOWN = 10_000;

/** The address that a request really comes from, as far as it is known by those who are trusted. */
@Injectable()
export class ClientAddresses {
  private readonly trusts: (address: string) => boolean;

  constructor(@Inject(CONFIG) { TRUST_PROXY }: Pick<Config, 'TRUST_PROXY'>) {
    const proxies = blockList(TRUST_PROXY);
    const check = (address: string) => isWithin(proxies, address);
    this.trusts = TRUST_PROXY.length > 0 ? remembered(check) : () => false;
  }

  of(request: FastifyRequest): string {
    const peer = peerOf(request);
    const forwarded = request.headers['x-forwarded-for'];
    return typeof forwarded === 'string' && this.trusts(peer) ? this.behind(peer, forwarded) : peer;
  }

  /** Each proxy adds at the right whom it heard; the first from there whom nobody vouches for is the client. */
  private behind(peer: string, forwarded: string): string {
    let client = peer;
    let end = forwarded.length;
    for (let hop = 0; hop < MOST_HOPS && end > 0 && this.trusts(client); hop += 1) {
      const comma = forwarded.lastIndexOf(',', end - 1);
      const named = end - comma > MOST_LETTERS ? '' : addressIn(forwarded.slice(comma + 1, end));
      if (named === '') break;
      client = named;
      end = comma;
    }
    return client;
  }
}

export const isWithin = (list: BlockList, address: string): boolean =>
  isIP(address) > 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Who is at the other end of the connection. */
export const peerOf = ({ raw }: FastifyRequest): string => unmapped(raw.socket.remoteAddress ?? '');

/** What counts as one client: an IPv4 address, or the /64 that one IPv6 line gets. */
export const networkOf = (address: string): string => (address.includes(':') ? lineOf(address) : address);

/** The same questions come again and again. */
function remembered<T>(read: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    let answer = known.get(text);
    if (answer === undefined) {
      answer = read(text);
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(ownText(text), answer);
    }
    return answer;
  };
}

const lineOf = remembered((address) => {
  const [left = [], right = []] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
});

// Some proxies add the port.
const written = /^\s*(?:(\d+\.\d+\.\d+\.\d+):\d+|\[([\da-f:.]+)\](?::\d+)?|([\da-f:.]+))\s*$/i;

const addressIn = remembered((text) => {
  const [, withPort, bracketed, plain] = written.exec(text) ?? [];
  const address = withPort ?? bracketed ?? plain ?? '';
  const family = isIP(address);
  if (family === 6) return unmapped(new SocketAddress({ address, family: 'ipv6' }).address);
  return family === 4 ? ownText(address) : '';
});

const MAPPED = '::ffff:';

/** IPv4 in the clothes of IPv6, as sockets that listen on both say it. */
const unmapped = (address: string): string =>
  address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
