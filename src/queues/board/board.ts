import { createBullBoard } from '@bull-board/api';
import { BullAdapter } from '@bull-board/api/bullAdapter';
import type { AppControllerRoute } from '@bull-board/api/typings/app';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance } from 'fastify';
import type { Tickets } from '../../outbox/tickets.service.js';
import { BOARD, LOGIN } from './pages.js';

const ABOUT = 'Tickets only: the outbox in PostgreSQL decides what is done. See and move its jobs at GET /api/v1/queues.';

/** Bull Board with nothing in it that could change anything, and which waits for no Redis. */
class ReadOnlyBoard extends FastifyAdapter {
  constructor(private readonly read: <T>(work: () => Promise<T>) => Promise<T>) {
    super();
  }

  override setApiRoutes(routes: AppControllerRoute[]): FastifyAdapter {
    const reading = routes.filter(({ method }) => method === 'get');
    return super.setApiRoutes(reading.map((route) => ({ ...route, handler: (request) => this.read(async () => route.handler(request)) })));
  }
}

export function addBoard(fastify: FastifyInstance, tickets: Tickets): void {
  let isFilled = false;
  const adapter = new ReadOnlyBoard((work) =>
    tickets.read((queues) => {
      if (!isFilled) setQueues(queues.map((queue) => new BullAdapter(queue, { readOnlyMode: true, description: ABOUT })));
      isFilled = true;
      return work();
    }),
  );
  const { setQueues } = createBullBoard({
    queues: [],
    serverAdapter: adapter.setBasePath(BOARD),
    options: {
      uiConfig: {
        boardTitle: 'Tickets (read only)',
        hideDocsLink: true,
        showWorkers: false,
        miscLinks: [
          { text: 'Queues of the outbox: GET /api/v1/queues', url: '/api/docs#/Queues/Queues_list' },
          { text: 'Sign out', url: LOGIN },
        ],
      },
    },
  });
  void fastify.register(adapter.registerPlugin(), { prefix: BOARD });
}
