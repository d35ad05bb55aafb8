import { Injectable } from '@nestjs/common';

/** Whether this process should get traffic at all. */
@Injectable()
export class Readiness {
  private readonly order = new AbortController();
  /** Comes when this process is to end: what nobody knows the end of ends then. */
  readonly leaving = this.order.signal;
  /** Nothing new is accepted, and each kept connection ends with its next answer. */
  closed = false;

  /** Requests that come meanwhile wait for this. */
  held: Promise<void> | undefined;

  async hold(work: () => Promise<void>): Promise<void> {
    this.held = work();
    await this.held;
    this.held = undefined;
  }

  /** Stopping: whoever asks is told to send its traffic elsewhere. */
  get draining(): boolean {
    return this.leaving.aborted;
  }

  drain(): void {
    this.order.abort();
  }

  close(): void {
    this.closed = true;
  }
}
