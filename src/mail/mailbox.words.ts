import type { RouteWords } from '../http/says.js';
import { mailboxShape } from './mailbox.dto.js';

export const mailboxWords: Record<'list', RouteWords> = {
  list: {
    group: 'Operations',
    summary: 'Letters that were not sent',
    detail: 'In development without a mail server, the newest 500 are kept here. `to` is a whole address; the newest letter comes first.',
    answers: {
      200: {
        says: 'Those that fit.',
        shape: mailboxShape,
        example: {
          items: [
            {
              id: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b',
              to: 'ana@example.org',
              subject: 'Your gift has arrived',
              text: 'Thank you, Ana.\n',
              at: '2026-11-20T12:00:00.000Z',
            },
          ],
          nextCursor: null,
          total: 1,
          page: 1,
          limit: 20,
        },
      },
    },
  },
};
