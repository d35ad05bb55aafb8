import { z } from 'zod';
import type { RouteWords } from '../../http/says.js';

const group = 'WhatsApp';

export const webhookWords: Record<'challenge' | 'told', RouteWords> = {
  challenge: {
    group,
    summary: 'Prove the webhook to Meta',
    detail:
      'What Meta asks when the address of the webhook is set: the challenge comes back where the verify token is `WHATSAPP_VERIFY_TOKEN`, else 403.',
    answers: { 200: { says: 'The challenge, as it was sent.', shape: z.string(), type: 'text/plain', example: '1158201444' } },
  },
  told: {
    group,
    summary: 'Take what Meta tells',
    detail:
      'Statuses of messages and what people write, with `X-Hub-Signature-256` by `WHATSAPP_APP_SECRET` over the bytes of the body, else 401. Each word counts once, and none takes a message back. Whoever writes `SAIR`, `STOP` or `PARAR` gets nothing more, until he writes `VOLTAR`.',
    headers: { 'x-hub-signature-256': { says: '`sha256=` and the HMAC of the body', required: true } },
    answers: { 200: { says: 'It is kept.', shape: z.object({ received: z.literal(true) }), example: { received: true } } },
  },
};
