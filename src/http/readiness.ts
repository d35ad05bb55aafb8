import { Injectable } from '@nestjs/common';

/** Whether this process should get traffic at all. */
@Injectable()
export class Readiness {
  private closed = false;

  get draining(): boolean {
    return this.closed;
  }

  close(): void {
    this.closed = true;
  }
}
