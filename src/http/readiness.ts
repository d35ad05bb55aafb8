import { Injectable } from '@nestjs/common';

/** Whether this process should get traffic at all. */
@Injectable()
export class Readiness {
  /** Stopping: whoever asks is told to send its traffic elsewhere. */
  draining = false;
  /** Nothing new is accepted, and each kept connection ends with its next answer. */
  closed = false;

  /** Requests that come meanwhile wait for this. */
  held: Promise<void> | undefined;

  async hold(work: () => Promise<void>): Promise<void> {
    this.held = work();
    await this.held;
    this.held = undefined;
  }

  drain(): void {
    this.draining = true;
  }

  close(): void {
    this.closed = true;
  }
}
