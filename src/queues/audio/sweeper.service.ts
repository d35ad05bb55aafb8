import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import { firstIdAt } from '../../kernel/ids.js';
import { pause } from '../../kernel/waiting.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import { HandlesJob } from '../../outbox/handlers.js';
import { removeRecordings } from './audio.queue.js';
import { AudioStorage } from './storage.js';

const SWEEP_EVERY_MS = 600_000;
const AT_ONCE = 500;
/** No upload takes so long. */
const COMING_MS = 3_600_000;

/** Takes out what has been kept long enough, and files that belong to nobody. */
@Injectable()
export class AudioSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly closing = new AbortController();
  private sweeping: Promise<void> = Promise.resolve();

  constructor(
    private readonly db: DataSource,
    private readonly storage: AudioStorage,
    @Inject(CONFIG) private readonly config: Pick<Config, 'AUDIO_KEEP_DAYS'>,
    @Inject(LOG) private readonly log: Log,
  ) {}

  onApplicationBootstrap(): void {
    this.sweeping = this.keepSweeping();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.closing.abort();
    await this.sweeping;
  }

  @HandlesJob(removeRecordings)
  async remove({ ids }: { ids: string[] }): Promise<void> {
    for (const id of ids) await this.storage.remove(id);
  }

  async sweep(now = Date.now()): Promise<void> {
    while ((await this.forgetOld()) === AT_ONCE && !this.closing.signal.aborted);
    const [{ installation }] = await this.db.query<[{ installation: string }]>('SELECT installation FROM audio_line');
    if (!(await this.storage.belongsTo(installation))) {
      this.log.warn('recordings of another installation lie in DATA_DIR; none is taken out');
      return;
    }
    const youngest = firstIdAt(new Date(now - COMING_MS));
    for await (const ids of this.storage.ids()) {
      if (this.closing.signal.aborted) return;
      await this.dropStrays(ids.filter((id) => id < youngest));
    }
  }

  private async keepSweeping(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      await this.sweep().catch((err: unknown) => this.log.warn({ err }, 'old recordings were not taken out'));
      await pause(SWEEP_EVERY_MS, signal);
    }
  }

  /** Files after their rows: what is left of one is a stray. */
  private async forgetOld(): Promise<number> {
    const [rows] = await this.db.query<[{ id: string }[], number]>(
      `DELETE FROM audio_jobs WHERE id = ANY (ARRAY (
         SELECT id FROM audio_jobs WHERE ended_at < now() - $1 * interval '1 day' LIMIT ${AT_ONCE})) RETURNING id`,
      [this.config.AUDIO_KEEP_DAYS],
    );
    for (const { id } of rows) await this.storage.remove(id);
    return rows.length;
  }

  private async dropStrays(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const known = await this.db.query<{ id: string }[]>(`SELECT id FROM audio_jobs WHERE id = ANY($1::uuid[]) AND state <> 'cancelled'`, [
      ids,
    ]);
    const kept = new Set(known.map(({ id }) => id));
    for (const id of ids) if (!kept.has(id)) await this.storage.remove(id);
  }
}
