import { type DynamicModule, Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import type { Log } from '../observability/log.js';
import { LOG } from '../observability/observability.module.js';
import { RedisModule } from '../redis/redis.module.js';
import { AiAllowance } from './ai.allowance.js';
import { AiUseOfPeople } from './ai.belonging.js';
import { AiMeasures } from './ai.measures.js';
import { BudgetMeasures } from './budget/budget.measures.js';
import { AiProbe } from './ai.probe.js';
import { BudgetStore } from './budget/budget.store.js';
import { Budget } from './budget/budget.service.js';
import { Grants } from './budget/grants.service.js';
import { Prices } from './budget/prices.js';
import { UsageStore } from './budget/usage.store.js';
import { WarningLetters, Warnings } from './budget/warnings.js';
import { BudgetsController } from './budgets.controller.js';
import { Answers } from './cache/answers.service.js';
import { Flights } from './cache/flights.js';
import { KeptAnswers } from './cache/kept.answers.js';
import { CampaignTools } from './chat/campaign-tools.service.js';
import { KnownWords } from './cache/known.words.js';
import { ChatController } from './chat/chat.controller.js';
import { Chat } from './chat/chat.service.js';
import { ConversationsOfPeople } from './chat/conversations.belonging.js';
import { ConversationsController } from './chat/conversations.controller.js';
import { ConversationsStore } from './chat/conversations.store.js';
import { Rounds } from './chat/rounds.service.js';
import { CompletionsController } from './completions.controller.js';
import { Gateway } from './gateway.service.js';
import { OfflineModel } from './offline/offline.model.js';
import { EmbeddingsController } from './passing/embeddings.controller.js';
import { PaidCalls } from './paid-calls.service.js';
import { PreviewController } from './passing/preview.controller.js';
import { TranscriptionsController } from './passing/transcriptions.controller.js';
import { Transcriptions } from './passing/transcriptions.service.js';
import { withFallback } from './providers/fallback.js';
import { OpenAIProvider } from './providers/openai.provider.js';
import { OUTSIDE, PROVIDER, type Provider } from './providers/provider.js';
import { TellsBudget } from './budget-telling.service.js';
import { Tokenizers } from './tokenizers.js';

const controllers = [
  ...[CompletionsController, EmbeddingsController, TranscriptionsController],
  ...[ChatController, ConversationsController, PreviewController, BudgetsController],
];

function outside(config: Config, log: Log): OpenAIProvider[] {
  const { AI_BASE_URL, AI_API_KEY, AI_MODEL, AI_FALLBACK_BASE_URL, AI_FALLBACK_API_KEY, AI_FALLBACK_MODEL } = config;
  const named = [
    { name: 'first', baseUrl: AI_BASE_URL, apiKey: AI_API_KEY, model: AI_MODEL },
    { name: 'fallback', baseUrl: AI_BASE_URL && AI_FALLBACK_BASE_URL, apiKey: AI_FALLBACK_API_KEY, model: AI_FALLBACK_MODEL ?? AI_MODEL },
  ];
  return named.flatMap(({ baseUrl, model, ...rest }) =>
    baseUrl === undefined || model === undefined ? [] : [new OpenAIProvider({ ...rest, baseUrl, model }, log)],
  );
}

function chosen([first, second]: OpenAIProvider[], offline: OfflineModel, log: Log): Provider {
  if (!first) return offline;
  return second ? withFallback(first, second, log) : first;
}

@Global()
@Module({})
export class AiModule implements OnApplicationShutdown {
  constructor(@Inject(OUTSIDE) private readonly providers: OpenAIProvider[]) {}

  static of(serves: boolean): DynamicModule {
    return {
      module: AiModule,
      imports: [RedisModule],
      controllers: serves ? controllers : [],
      providers: [
        { provide: OUTSIDE, useFactory: outside, inject: [CONFIG, LOG] },
        { provide: PROVIDER, useFactory: chosen, inject: [OUTSIDE, OfflineModel, LOG] },
        ...[OfflineModel, PaidCalls, Gateway, Answers, KeptAnswers, KnownWords, Flights, Transcriptions, Tokenizers],
        ...[
          Budget,
          BudgetStore,
          Prices,
          Warnings,
          WarningLetters,
          UsageStore,
          Grants,
          AiUseOfPeople,
          AiAllowance,
          AiProbe,
          AiMeasures,
          BudgetMeasures,
          TellsBudget,
        ],
        ...[Chat, Rounds, CampaignTools, ConversationsStore, ConversationsOfPeople],
      ],
      exports: [Budget, Gateway, Transcriptions],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.providers.map((provider) => provider.close()));
  }
}
