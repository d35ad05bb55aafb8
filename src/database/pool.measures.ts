import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type Family, gauge } from '../observability/figures.js';
import { type Measure, Measures } from '../observability/measures.js';
import { poolFigures } from './pool.js';

@Injectable()
@Measures('process')
export class PoolMeasures implements Measure {
  constructor(private readonly db: DataSource) {}

  measure(): Family[] {
    const { open, idle, waiting, most } = poolFigures(this.db);
    return [
      gauge('mutirao_database_connections', 'Connections of the pools', open),
      gauge('mutirao_database_connections_idle', 'Those that nobody uses', idle),
      gauge('mutirao_database_connections_most', 'As many as there may be', most),
      gauge('mutirao_database_waiting', 'Questions that wait for a connection', waiting),
    ];
  }
}
