import fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { beforeAll, describe, expect, it } from 'vitest';
import { Tokenizers } from '../../src/ai/tokenizers.js';
import { readConfig } from '../../src/config/config.js';
import { labEnvironment } from '../support/lab.js';

const open = async (env: Record<string, string>) => {
  const config = readConfig(
    labEnvironment('postgres://localhost/none', 'redis://localhost', { AI_BASE_URL: 'http://127.0.0.1:9', ...env }),
  );
  const tokenizers = new Tokenizers(config);
  await tokenizers.onModuleInit();
  return tokenizers;
};

describe('A prompt is counted', () => {
  let count: (text: string) => number;
  beforeAll(async () => {
    count = (await open({ AI_MODEL: 'openai/gpt-4o-mini' })).for('openai/gpt-4o-mini')!;
  });

  it('as the model itself counts it, or a little higher', () => {
    const text = 'Quais campanhas precisam de ajuda? Faltam R$ 1.200,00 para o telhado da creche. '.repeat(20);
    expect(count(text)).toBeGreaterThanOrEqual(countTokens(text));
    expect(count(text)).toBeLessThan(countTokens(text) * 1.1);
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (any) => count(any) >= countTokens(any)));
  });

  it('by its bytes where it is a book, or one word without an end', () => {
    expect(count('ã'.repeat(70_000))).toBe(140_000);
    // Its own way takes a minute for as much.
    expect(count('a'.repeat(65_000))).toBeGreaterThan(65_000 / 16);
  });

  it('by its bytes where nobody knows how the model does, or another may answer instead', async () => {
    const own = { AI_MODEL: 'llama-3' };
    expect((await open(own)).for('llama-3')).toBeUndefined();
    expect((await open({ AI_MODEL: 'gpt-4o' })).for('gpt-4-turbo')).toBeUndefined();
    const second = { AI_FALLBACK_BASE_URL: 'http://127.0.0.1:9', AI_FALLBACK_MODEL: 'llama-3' };
    expect((await open({ AI_MODEL: 'gpt-4o', ...second })).for('gpt-4o')).toBeUndefined();
  });
});
