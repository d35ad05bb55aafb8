import { importsOf, type Source } from './sources.js';

const rungs = [
  ['kernel'],
  ['config'],
  ['observability'],
  ['database', 'redis', 'embedded'],
  ['http'],
  ['health'],
  ['outbox'],
  ['mail'],
  ['users'],
];
const features = ['auth', 'campaigns', 'ai', 'queues', 'analytics', 'ops'];
const heights = new Map([...rungs, features].flatMap((folders, height) => folders.map((folder) => [folder, height] as const)));
const publicFace = /\.(service|module)\.ts$/;

/** The folder under `src`, or for a file that lies there directly, its name. */
const partOf = (path: string) => path.split('/')[1] ?? '';
const isSupervisor = (part: string) => part === 'cluster.ts' || part === 'cluster';
const seesFeatures = (part: string) => ['app.module.ts', 'create-app.ts', 'main.ts', 'run-role.ts', 'schema.ts', 'cli'].includes(part);

/** Where an import climbs instead of stepping down; `undefined` where it may stay. */
function objection(from: string, to: string): string | undefined {
  const [here, there] = [partOf(from), partOf(to)];
  if (!to.startsWith('src/')) return 'lies outside of src';
  if (here === there) return undefined;
  if (isSupervisor(here) && (isSupervisor(there) || there === 'schema.ts')) return undefined;
  if (there === 'embedded')
    return isSupervisor(here) || here === 'cli' ? undefined : 'only the supervisor and the cli know private engines';
  const height = heights.get(there);
  if (height === undefined) return seesFeatures(here) ? undefined : 'stands above the ladder';
  if (seesFeatures(here)) return undefined;
  if (isSupervisor(here)) return features.includes(there) ? 'the supervisor knows no feature' : undefined;
  const own = heights.get(here);
  if (own === undefined) return `src/${here} has no place on the ladder`;
  if (height < own) return undefined;
  if (features.includes(here) && features.includes(there))
    return publicFace.test(to) ? undefined : 'a feature shows its service and module only';
  return 'climbs the ladder';
}

export function ladderFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap((source) =>
      importsOf(source)
        .filter(({ ours }) => ours)
        .flatMap(({ target }) => {
          const why = objection(source.path, target);
          return why ? [`${source.path} imports ${target}: ${why}`] : [];
        }),
    );
}

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** One line for each circle that a walk meets. */
function circles(graph: Graph): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const follow = (name: string, way: readonly string[]) => {
    const start = way.indexOf(name);
    if (start >= 0) found.push([...way.slice(start), name].join(' → '));
    if (start >= 0 || done.has(name)) return;
    for (const next of graph.get(name) ?? []) follow(next, [...way, name]);
    done.add(name);
  };
  for (const name of graph.keys()) follow(name, []);
  return found;
}

/** Files that need each other while they load. */
export function fileCircles(sources: readonly Source[]): string[] {
  const graph = sources.map((source) => {
    const needed = importsOf(source).filter(({ typeOnly, late }) => !typeOnly && !late);
    return [source.path, new Set(needed.map(({ target }) => target))] as const;
  });
  return circles(new Map(graph));
}

/** Features that lean on each other, types included. */
export function featureCircles(sources: readonly Source[]): string[] {
  const graph = new Map(features.map((feature) => [feature, new Set<string>()]));
  for (const source of sources.filter(({ path }) => path.startsWith('src/'))) {
    const own = graph.get(partOf(source.path));
    for (const { target } of importsOf(source)) {
      const other = partOf(target);
      if (target.startsWith('src/') && graph.has(other) && other !== partOf(source.path)) own?.add(other);
    }
  }
  return circles(graph);
}

/** Ways from one file to a package through everything that is loaded with it. */
export function waysTo(pattern: RegExp, from: string, sources: readonly Source[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const seen = new Set<string>();
  const ways: string[] = [];
  const follow = (path: string, way: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    const source = byPath.get(path);
    if (!source && pattern.test(path)) ways.push(way);
    if (!source) return;
    for (const { target, typeOnly, late } of importsOf(source)) if (!typeOnly && !late) follow(target, `${way} → ${target}`);
  };
  follow(from, from);
  return ways;
}
