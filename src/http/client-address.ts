import { isIP, SocketAddress } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { blockList } from '../config/kinds.js';

/** More proxies in a row than anyone has; what stands further left was said by someone unknown. */
const MOST_HOPS = 16;
const MOST_KNOWN = 10_000;

/** The address that a request really comes from, as far as it is known by those who are trusted. */
@Injectable()
export class ClientAddresses {
  private readonly proxies;
  private readonly known = new Map<string, boolean>();

  constructor(@Inject(CONFIG) config: Pick<Config, 'TRUST_PROXY'>) {
    this.proxies = config.TRUST_PROXY.length > 0 ? blockList(config.TRUST_PROXY) : undefined;
  }

  of(request: FastifyRequest): string {
    const peer = unmapped(request.raw.socket.remoteAddress ?? '');
    const forwarded = request.headers['x-forwarded-for'];
    return typeof forwarded === 'string' && this.trusts(peer) ? this.behind(peer, forwarded) : peer;
  }

  /** Each proxy adds at the right whom it heard; the first from there whom nobody vouches for is the client. */
  private behind(peer: string, forwarded: string): string {
    let client = peer;
    let end = forwarded.length;
    for (let hop = 0; hop < MOST_HOPS && end > 0 && this.trusts(client); hop += 1) {
      const comma = forwarded.lastIndexOf(',', end - 1);
      const named = addressIn(forwarded.slice(comma + 1, end));
      if (named === undefined) break;
      client = named;
      end = comma;
    }
    return client;
  }

  private trusts(address: string): boolean {
    if (!this.proxies) return false;
    let trusted = this.known.get(address);
    if (trusted === undefined) {
      const family = isIP(address);
      trusted = family !== 0 && this.proxies.check(address, family === 6 ? 'ipv6' : 'ipv4');
      if (this.known.size >= MOST_KNOWN) this.known.clear();
      this.known.set(address, trusted);
    }
    return trusted;
  }
}

/** What counts as one client: an IPv4 address, or the /64 that one IPv6 line gets. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [left = [], right = []] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const whole = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return `${whole.slice(0, 4).join(':')}::/64`;
}

// Some proxies add the port.
const written = /^\s*(?:(\d+\.\d+\.\d+\.\d+):\d+|\[([\da-f:.]+)\](?::\d+)?|([\da-f:.]+))\s*$/i;

function addressIn(text: string): string | undefined {
  if (text.length > 64) return undefined;
  const [, withPort, bracketed, plain] = written.exec(text) ?? [];
  const address = withPort ?? bracketed ?? plain ?? '';
  const family = isIP(address);
  if (family === 0) return undefined;
  return family === 4 ? address : unmapped(new SocketAddress({ address, family: 'ipv6' }).address);
}

const MAPPED = '::ffff:';

/** IPv4 in the clothes of IPv6, as sockets that listen on both say it. */
const unmapped = (address: string): string =>
  address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
