import * as chromatic from 'd3-scale-chromatic';
import {
  FieldType,
  getFieldDisplayName,
  getValueFormat,
  formattedValueToString,
  type DataFrame,
  type TimeRange,
} from '@grafana/data';
import type { Cell } from './CellChart';
import { stepOf } from './states';

/** Counts over time: one row for each bucket, from below; the borders are the upper ones. */
export interface Heat {
  times: number[];
  rows: Array<{ border: string; counts: Array<number | null> }>;
}

/** Prometheus' classic buckets are named after their upper border. */
function order(border: string): number {
  return /^\+?inf/i.test(border) ? Infinity : Number(border);
}

/** A frame that has a field for each bucket, as targets of format `heatmap` give it. */
export function heatOfBuckets(frames: DataFrame[]): Heat | undefined {
  const frame = frames.find(({ fields }) => fields.some(({ type }) => type === FieldType.time));
  const time = frame?.fields.find(({ type }) => type === FieldType.time);
  if (!frame || !time) {
    return undefined;
  }
  const rows = frames.flatMap(({ fields }) =>
    fields
      .filter(({ type }) => type === FieldType.number)
      .map((field) => ({
        border: field.labels?.le ?? getFieldDisplayName(field, frame),
        counts: field.values as Array<number | null>,
      }))
  );
  if (rows.every(({ border }) => !Number.isNaN(order(border)))) {
    rows.sort((a, b) => order(a.border) - order(b.border));
  }
  return { times: time.values as number[], rows };
}

const ROWS = 16;
const COLUMNS = 60;

/** A step of 1, 2 or 5 times a power of ten, so that about `count` of them span the extent. */
export function niceStep(extent: number, count: number): number {
  const raw = extent / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const times = [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) ?? 10;
  return times * power;
}

/** Counts how many values of all series fall into each bucket of value and time. */
export function heatOfValues(
  frames: DataFrame[],
  range: TimeRange,
  format: (value: number) => string
): Heat | undefined {
  const points = frames.flatMap((frame) => {
    const time = frame.fields.find(({ type }) => type === FieldType.time);
    return frame.fields
      .filter(({ type }) => time && type === FieldType.number)
      .flatMap(({ values }) =>
        values.map((value: number | null, index): [number, number] => [Number(time?.values[index]), value ?? NaN])
      );
  });
  const known = points.filter(([, value]) => Number.isFinite(value));
  if (!known.length) {
    return undefined;
  }
  const [low, high] = known.reduce(
    ([min, max], [, value]) => [Math.min(min, value), Math.max(max, value)],
    [Infinity, -Infinity]
  );
  const step = niceStep(high - low || Math.abs(high) || 1, ROWS);
  const first = Math.floor(low / step);
  const count = Math.floor(high / step) - first + 1;
  const from = range.from.valueOf();
  const width = Math.max(1, (range.to.valueOf() - from) / COLUMNS);
  const rows = Array.from({ length: count }, (_, index) => ({
    border: format((first + index + 1) * step),
    counts: new Array<number | null>(COLUMNS).fill(null),
  }));
  for (const [time, value] of known) {
    const column = Math.floor((time - from) / width);
    if (column >= 0 && column < COLUMNS) {
      const { counts } = rows[Math.floor(value / step) - first];
      counts[column] = (counts[column] ?? 0) + 1;
    }
  }
  return { times: Array.from({ length: COLUMNS }, (_, index) => from + index * width), rows };
}

export interface ColorOptions {
  mode?: 'scheme' | 'opacity';
  scheme?: string;
  fill?: string;
  reverse?: boolean;
  exponent?: number;
  min?: number;
  max?: number;
}

/** The colour for a share of the scale, from 0 to 1. Schemes get brighter on dark, darker on light ground. */
export function colorScale(
  { mode = 'scheme', scheme = 'Oranges', fill = '#ff9830', reverse = false, exponent = 0.5 }: ColorOptions,
  isDark: boolean
) {
  if (mode === 'opacity') {
    return (share: number) =>
      `${fill}${Math.round(Math.max(0.05, share ** exponent) * 255)
        .toString(16)
        .padStart(2, '0')}`;
  }
  const known = chromatic as unknown as Record<string, (t: number) => string>;
  const name = `interpolate${scheme}`;
  const interpolate = Object.hasOwn(known, name) ? known[name] : chromatic.interpolateOranges;
  // d3's sequential schemes begin light, the diverging ones with their bad end.
  const isDiverging = /^(RdYlGn|RdYlBu|RdBu|RdGy|Spectral|PuOr|PiYG|PRGn|BrBG)$/.test(scheme);
  const isUniform = /^(Viridis|Inferno|Magma|Plasma|Cividis|Turbo|Warm|Cool|CubehelixDefault|Rainbow|Sinebow)$/.test(
    scheme
  );
  const isTurned = (isDiverging || (!isUniform && isDark)) !== reverse;
  return (share: number) => interpolate(isTurned ? 1 - share : share);
}

export interface ScaledHeat {
  cells: Cell[];
  min: number;
  max: number;
}

/** The cells of a heatmap; counts up to `above` are not drawn. */
export function cellsOfHeat({ times, rows }: Heat, color: ColorOptions, above: number, isDark: boolean): ScaledHeat {
  const step = stepOf(times) || 60_000;
  const counts = rows
    .flatMap(({ counts: all }) => all)
    .filter((count): count is number => count !== null && count > above);
  const extent = counts.reduce(
    ([low, high], count) => [Math.min(low, count), Math.max(high, count)],
    [Infinity, -Infinity]
  );
  const [min, max] = [color.min ?? Math.min(extent[0], extent[1]), color.max ?? extent[1]];
  const scale = colorScale(color, isDark);
  const share = (count: number) => (max > min ? Math.min(1, Math.max(0, (count - min) / (max - min))) : 1);
  const cells = rows.flatMap(({ counts: all }, lane) =>
    all.flatMap((count, index) =>
      count === null || !(count > above)
        ? []
        : [{ from: times[index], to: times[index] + step, lane, color: scale(share(count)) }]
    )
  );
  return { cells, min, max };
}

/** A bucket's border in a unit; borders that are no numbers stay. */
export function borderText(border: string, unit: string | undefined, decimals: number | undefined): string {
  const value = order(border);
  return Number.isFinite(value) && unit ? formattedValueToString(getValueFormat(unit)(value, decimals)) : border;
}
