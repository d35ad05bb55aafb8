import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Family } from '../observability/figures.js';
import { type Measure, Measures } from '../observability/measures.js';

@Injectable()
@Measures('process')
export class RequestMeasures implements Measure {
  constructor(private readonly host: HttpAdapterHost<FastifyAdapter>) {}

  measure(): Family[] {
    return this.host.httpAdapter.getInstance<FastifyInstance>().requests.families();
  }
}
