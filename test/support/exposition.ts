export interface Exposed {
  type: string;
  /** By name and labels, as they are written. */
  samples: Map<string, number>;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?|[+-]Inf|NaN)$/;
const suffixes: Record<string, readonly string[]> = { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'] };

/** Reads the text format 0.0.4 as strictly as it is written down, and throws at whatever is not so. */
export function readExposition(text: string): Map<string, Exposed> {
  const families = new Map<string, Exposed>();
  let current: [name: string, family: Exposed] | undefined;
  let helped = '';
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') helped = name;
    else if (kind === 'TYPE') {
      if (helped !== name || families.has(name) || !(rest in suffixes)) throw new Error(`out of place: ${line}`);
      if (rest === 'counter' && !name.endsWith('_total')) throw new Error(`a counter is called ${name}`);
      current = [name, { type: rest, samples: new Map() }];
      families.set(...current);
    } else addTo(current, line);
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family);
  return families;
}

function addTo(current: [string, Exposed] | undefined, line: string): void {
  const [, name = '', labels = '', inside = '', value] = SAMPLE.exec(line) ?? [];
  const fits = current && (suffixes[current[1].type] ?? []).some((suffix) => name === current[0] + suffix);
  if (!fits || value === undefined || inside.endsWith(',')) throw new Error(`not a sample of ${current?.[0]}: ${line}`);
  const { samples } = current[1];
  if (samples.has(name + labels)) throw new Error(`said twice: ${name}${labels}`);
  samples.set(name + labels, Number(value.replace('Inf', 'Infinity')));
}

/** Buckets only grow, the last holds all, and there is a sum and a count to each. */
function checkHistogram(name: string, { samples }: Exposed): void {
  const series = new Map<string, number[]>();
  for (const [key, value] of samples) {
    const [, labels = '', le] = /_bucket\{(.*?),?le="([^"]+)"\}$/.exec(key) ?? [];
    if (le !== undefined) series.set(labels, [...(series.get(labels) ?? []), value]);
  }
  for (const [labels, counts] of series) {
    const set = labels && `{${labels}}`;
    if (counts.some((count, at) => count < (counts[at - 1] ?? 0))) throw new Error(`${name}${set} shrinks`);
    if (samples.get(`${name}_count${set}`) !== counts.at(-1)) throw new Error(`${name}${set} does not add up`);
    if (!samples.has(`${name}_sum${set}`)) throw new Error(`${name}${set} has no sum`);
  }
  if (samples.size !== [...series.values()].reduce((sum, counts) => sum + counts.length + 2, 0)) throw new Error(`${name} has more`);
}

/** One value; 0 of what was never counted. */
export const valueOf = (families: Map<string, Exposed>, sample: string): number => {
  for (const { samples } of families.values()) if (samples.has(sample)) return samples.get(sample) ?? 0;
  return 0;
};

const ANSWERED = 'mutirao_http_request_duration_seconds_count';

export const answered = (families: Map<string, Exposed>, method: string, route: string, status: number): number =>
  valueOf(families, `${ANSWERED}{method="${method}",route="${route}",status="${status}"}`);
