import { type FactoryProvider, Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../../config/config.module.js';
import type { Config } from '../../config/config.js';
import type { Log } from '../../observability/log.js';
import { LOG } from '../../observability/observability.module.js';
import type { PixProvider } from './pix.provider.js';
import type { Method, PaymentProvider } from './provider.js';
import { SandboxProvider } from './sandbox.provider.js';

const PIX = Symbol('pix');

/** Loaded only where it is used, as what it needs takes 30 MB. */
export const pixProvider: FactoryProvider = {
  provide: PIX,
  inject: [CONFIG, LOG],
  useFactory: async (config: Config, log: Log) => {
    if (!config.PAYMENT_PROVIDER?.includes('pix')) return undefined;
    const { PixProvider, pixSettingsOf } = await import('./pix.provider.js');
    return new PixProvider(pixSettingsOf(config), log);
  },
};

/** Those who take the money here, in the order in which they are asked. */
@Injectable()
export class Providers implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly inUse: readonly PaymentProvider[];

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    sandbox: SandboxProvider,
    @Inject(PIX) private readonly pix: PixProvider | undefined,
    @Inject(LOG) private readonly log: Log,
  ) {
    const { PAYMENT_PROVIDER = [] } = config;
    const known: Partial<Record<string, PaymentProvider>> = { sandbox, pix };
    this.inUse = PAYMENT_PROVIDER.flatMap((name) => known[name] ?? []);
  }

  onApplicationBootstrap(): void {
    if (this.config.ENVIRONMENT === 'production' && this.named('sandbox'))
      this.log.warn('PAYMENT_PROVIDER lists sandbox: gifts are confirmed without any money');
  }

  onApplicationShutdown(): Promise<void> | undefined {
    return this.pix?.close();
  }

  /** Of several, the first one takes it. */
  for(method: Method): PaymentProvider | undefined {
    return this.inUse.find(({ methods }) => methods.includes(method));
  }

  named(name: string): PaymentProvider | undefined {
    return this.inUse.find((one) => one.name === name);
  }

  get methods(): Method[] {
    return [...new Set(this.inUse.flatMap(({ methods }) => methods))];
  }
}
