import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { Refusal } from '../../kernel/problems.js';
import { tables } from './derived.js';
import { folderOf } from './folder.js';
import { ManifestReader, type Manifest } from './manifest.js';
import { RefreshesStore } from './refreshes.store.js';

/** What is exported at this moment. */
@Injectable()
export class Datasets {
  readonly folder: string;
  private readonly manifests: ManifestReader;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly refreshes: RefreshesStore,
  ) {
    this.folder = folderOf(config);
    this.manifests = new ManifestReader(this.folder);
  }

  /** Refused where nothing was exported yet. */
  async current(): Promise<Manifest> {
    const manifest = await this.manifests.read();
    if (!manifest)
      throw new Refusal(
        'dependency_down',
        'Nothing is exported for business questions yet. An admin orders it with POST /api/v1/analytics/refresh.',
      );
    return manifest;
  }

  /** Seconds since the moment of which everything is. */
  async age(): Promise<number | undefined> {
    const manifest = await this.manifests.read();
    return manifest && ageOf(manifest);
  }

  async sizes() {
    const manifest = await this.manifests.read();
    return Object.keys(tables).map((name) => ({ name, ...sizeOf(manifest, name) }));
  }

  async view() {
    const [manifest, last] = await Promise.all([this.manifests.read(), this.refreshes.last()]);
    const items = Object.entries(tables).map(([name, { says, columns }]) => {
      const shown = Object.entries(columns).filter(([, { hidden }]) => !hidden);
      return {
        name,
        says,
        ...sizeOf(manifest, name),
        columns: shown.map(([column, { type, says: tells }]) => ({ name: column, type, says: tells })),
      };
    });
    const { version = null, snapshotAt = null } = manifest ?? {};
    return { version, snapshotAt, ageSeconds: manifest ? ageOf(manifest) : null, items, refresh: last ?? null };
  }
}

const ageOf = ({ snapshotAt }: Manifest): number => Math.max(0, Math.round((Date.now() - Date.parse(snapshotAt)) / 1_000));

function sizeOf(manifest: Manifest | undefined, name: string) {
  const parts = manifest?.datasets[name] ?? [];
  const files = parts.flatMap((part) => part.files);
  const sumOf = (what: 'rows' | 'bytes') => files.reduce((sum, file) => sum + file[what], 0);
  return { rows: sumOf('rows'), bytes: sumOf('bytes'), parts: parts.length, files: files.length };
}
