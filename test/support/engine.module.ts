import { resolve } from 'node:path';
import { Global, Module } from '@nestjs/common';
import { ENGINE_PROGRAM, type EngineProgram } from '../../src/queues/audio/engine/engine.service.js';

/** As the product's, built; and it falls over recordings that say so. */
const program: EngineProgram = { main: resolve('.build/test/support/engine.faulty.main.js'), silentMs: 8_000 };

@Global()
@Module({ providers: [{ provide: ENGINE_PROGRAM, useValue: program }], exports: [ENGINE_PROGRAM] })
export class EngineModule {}
