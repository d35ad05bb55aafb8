import type { Plan } from './chart.js';

const SCHEMA = 'https://vega.github.io/schema/vega-lite/v5.json';

/** The same picture for whoever draws it himself. */
export function vegaLite({ kind, x, y, series, unit, points }: Plan, title: string): object {
  const along = { field: 'x', title: x, type: kind === 'line' ? 'temporal' : 'nominal', ...(kind === 'bar' && { sort: null }) };
  const high = { field: 'y', title: unit === '' ? y : `${y} (${unit})`, type: 'quantitative' };
  const colour = series !== undefined && { color: { field: 'series', title: series, type: 'nominal' } };
  return {
    $schema: SCHEMA,
    title,
    data: { values: points.map((point) => ({ x: point.x, y: point.y, ...(series !== undefined && { series: point.series }) })) },
    mark: kind === 'line' ? { type: 'line', point: true } : { type: 'bar' },
    encoding: kind === 'line' ? { x: along, y: high, ...colour } : { y: along, x: high, ...colour },
  };
}
