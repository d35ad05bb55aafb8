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

  async view() {
    const [manifest, last] = await Promise.all([this.manifests.read(), this.refreshes.last()]);
    const snapshotAt = manifest?.snapshotAt ?? null;
    const items = Object.entries(tables).map(([name, { says, columns }]) => {
      const parts = manifest?.datasets[name] ?? [];
      const files = parts.flatMap((part) => part.files);
      const shown = Object.entries(columns).filter(([, { hidden }]) => !hidden);
      return {
        name,
        says,
        rows: files.reduce((sum, file) => sum + file.rows, 0),
        bytes: files.reduce((sum, file) => sum + file.bytes, 0),
        parts: parts.length,
        files: files.length,
        columns: shown.map(([column, { type, says: tells }]) => ({ name: column, type, says: tells })),
      };
    });
    const ageSeconds = snapshotAt === null ? null : Math.max(0, Math.round((Date.now() - Date.parse(snapshotAt)) / 1_000));
    return { version: manifest?.version ?? null, snapshotAt, ageSeconds, items, refresh: last ?? null };
  }
}
