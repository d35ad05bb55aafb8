import type { FaultLink, Manner } from '../../support/fault-proxy.js';
import type { Ground, Heal } from './fault.js';

/** What all of them together have met since they were opened. */
function metBy(links: readonly FaultLink[]) {
  const sum = (of: (link: FaultLink) => number) => links.reduce((all, link) => all + of(link), 0);
  return {
    came: sum((link) => link.traffic().came),
    handed: sum((link) => link.traffic().handed),
    failed: sum((link) => link.traffic().failed),
    accepted: sum((link) => link.accepted()),
  };
}

/** These links are so until they are made good. A link that nobody met, or that handed something on, was not broken: that is told as such. */
export async function breakLinks(links: readonly FaultLink[], manner: Manner, note: Ground['note']): Promise<Heal> {
  const all = (how: Manner) => Promise.all(links.map((link) => link.behave(how)));
  const failedBefore = metBy(links).failed;
  await all(manner);
  const before = metBy(links);
  return async () => {
    const now = metBy(links);
    await all('well');
    const came = now.came - before.came;
    const accepted = now.accepted - before.accepted;
    const handed = now.handed - before.handed;
    const failed = now.failed - failedBefore;
    if (manner === 'black hole') note(`${came} bytes and ${accepted} new connections met it, ${handed} bytes passed`);
    else if (typeof manner === 'string') note(`${failed} connections failed`);
    else note(`${came} bytes met it`);
    if (manner === 'black hole' && handed > 0) throw new Error(`${handed} bytes were handed on`);
    if (came + accepted + failed === 0) throw new Error('nobody met it');
  };
}

/** By chance one of them. */
export const oneOf = <T>(some: readonly T[], draw: () => number): T => some[Math.floor(draw() * some.length)]!;
