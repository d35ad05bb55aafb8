const isLong = process.env.DRILLS === 'long';

/** How far a drill goes: the long form where `npm run test:faults` runs it, the short one beside all other tests. */
export const farOr = <T>(far: T, near: T): T => (isLong ? far : near);
