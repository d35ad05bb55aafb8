import pg from 'pg';

type Query = (...words: unknown[]) => unknown;

/**
 * A connection on which an answer did not come in time is closed: given back to the pool
 * it would make everyone after wait for the same silence.
 */
export class ImpatientClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    const ask = this.query.bind(this) as Query;
    this.query = ((...words: unknown[]) => {
      const answer = ask(...words);
      if (answer instanceof Promise) {
        answer.catch((fault: unknown) => {
          if (fault instanceof Error && fault.message === 'Query read timeout')
            (this as unknown as { connection: pg.Connection }).connection.stream.destroy();
        });
      }
      return answer;
    }) as typeof this.query;
  }
}
