import type { KnownTemplate, Outcome, Outgoing, WhatsAppProvider } from './provider.js';
import { parametersIn } from './parameters.js';

const template = (name: string, category: string, body: string): KnownTemplate => ({
  name,
  language: 'pt_BR',
  status: 'APPROVED',
  category,
  body,
  parameters: parametersIn(body),
});

export const sandboxTemplates: readonly KnownTemplate[] = [
  template('campaign_news', 'MARKETING', 'Olá, {{1}}! Novidade da campanha {{2}}: {{3}}'),
  template('donation_receipt', 'UTILITY', 'Obrigado, {{1}}! Recebemos {{2}} para {{3}}.'),
  template('greeting', 'UTILITY', 'Olá!'),
];

/** For machines without Meta: nobody gets anything. */
export class SandboxProvider implements WhatsAppProvider {
  readonly name = 'sandbox';

  async send({ id }: Outgoing): Promise<Outcome> {
    return { kind: 'sent', reference: `sandbox.${id}`, delivered: true };
  }

  async templates(): Promise<KnownTemplate[]> {
    return [...sandboxTemplates];
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
