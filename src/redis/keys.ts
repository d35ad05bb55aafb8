/** Families of keys; the tag in braces keeps one family on one node of a cluster, so that its scripts can run. */
export const families = { outbox: '{outbox}', bull: '{bull}', limits: '{limits}', cache: '{cache}' } as const;

export const redisKey = (family: keyof typeof families, ...parts: string[]): string => [families[family], ...parts].join(':');
