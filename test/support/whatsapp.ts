import type { Environment } from '../../src/config/config.js';
import { startCloudApi, type CloudApi } from './cloud-api.js';
import { eventually } from './lab.js';
import { openPeople, type People, type Session } from './people.js';

export const TEMPLATE = { name: 'agradecimento', language: 'pt_BR', parameters: ['Ana', 'R$ 10,00'] };

let numbers = 0;
/** A Brazilian mobile number that nobody had before in this file. */
export const newPhone = (): string => `+55119${String(80_000_000 + (numbers += 1))}`;

/** The application with messages, by the sandbox or a stand-in of Meta's, and people who send them. */
export async function openWhatsApp({ cloud = true, env = {} }: { cloud?: boolean; env?: Environment } = {}) {
  const api = cloud ? await startCloudApi() : undefined;
  const people = await openPeople({
    APP_ROLE: 'all',
    RATE_LIMIT_USER_PER_MINUTE: '0',
    WHATSAPP_RATE_PER_SECOND: '200',
    ...api?.env,
    ...env,
  });
  const [ana, eva, admin, donor] = await Promise.all([
    people.person({ role: 'organizer' }),
    people.person({ role: 'organizer' }),
    people.person({ role: 'admin' }),
    people.person(),
  ]);
  const ask = (as: Session | undefined, method: string, path: string, body?: unknown) =>
    people.send(method, `/queues/whatsapp${path}`, body, as?.accessToken);
  const read = async (id: unknown) => (await ask(admin, 'GET', `/messages/${String(id)}`)).json;
  return {
    people,
    api: api as CloudApi,
    ...{ ana, eva, admin, donor },
    ask,
    read,
    rows: people.rows,
    /** A process that is behind is asked once more. */
    send: (body: object, as = ana) =>
      eventually(
        () => ask(as, 'POST', '/messages', body),
        ({ json }) => json.code !== 'overloaded',
      ),
    /** Once it has come so far. */
    becomes: (id: unknown, ...statuses: string[]) =>
      eventually(
        () => read(id),
        ({ status }) => statuses.includes(String(status)),
      ),
    webhook: `${people.url}/api/v1/queues/whatsapp/webhook`,
    close: async () => {
      await people.close();
      await api?.close();
    },
  };
}

export type WhatsApp = Awaited<ReturnType<typeof openWhatsApp>>;
export type { People };
