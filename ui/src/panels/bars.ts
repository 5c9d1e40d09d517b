import {
  dateTimeFormat,
  FieldType,
  formattedValueToString,
  getFieldColorModeForField,
  getFieldDisplayName,
  getFieldSeriesColor,
  outerJoinDataFrames,
  type DataFrame,
  type Field,
  type GrafanaTheme2,
} from '@grafana/data';
import { niceStep } from './heat';

export interface BarSeries {
  name: string;
  field: Field;
  color: string;
  values: Array<number | null>;
}

export interface Bars {
  categories: string[];
  series: BarSeries[];
}

function joined(frames: DataFrame[]): DataFrame | undefined {
  return frames.length > 1 ? outerJoinDataFrames({ frames }) : frames[0];
}

/** The field that names the bars: the asked one, else the first with texts, else the times. */
function nameField({ fields }: DataFrame, wanted: string | undefined): Field | undefined {
  return (
    fields.find((field) => wanted && (field.name === wanted || field.state?.displayName === wanted)) ??
    fields.find(({ type }) => type === FieldType.string) ??
    fields.find(({ type }) => type === FieldType.time)
  );
}

/** One category for each row, one series for each field with numbers. */
export function barsOf(
  frames: DataFrame[],
  wanted: string | undefined,
  timeZone: string,
  theme: GrafanaTheme2
): Bars | undefined {
  const frame = joined(frames);
  const names = frame && nameField(frame, wanted);
  if (!frame || !names) {
    return undefined;
  }
  const textOf = (value: unknown) => {
    if (names.type === FieldType.time) {
      return dateTimeFormat(Number(value), { timeZone });
    }
    return names.display ? formattedValueToString(names.display(value)) : String(value ?? '');
  };
  const series = frame.fields
    .filter((field) => field !== names && field.type === FieldType.number)
    .map((field) => ({
      name: getFieldDisplayName(field, frame, frames),
      field,
      color: getFieldSeriesColor(field, theme).color,
      values: field.values as Array<number | null>,
    }));
  return { categories: Array.from({ length: frame.length }, (_, row) => textOf(names.values[row])), series };
}

/** The colour of one bar: its own where a field is coloured by value. */
export function barColor({ field, color }: BarSeries, value: number): string {
  return getFieldColorModeForField(field).isByValue ? (field.display?.(value).color ?? color) : color;
}

export type Stacking = 'none' | 'normal' | 'percent';

export interface Bar {
  series: number;
  category: number;
  value: number;
  /** Where it begins and ends on the value axis. */
  from: number;
  to: number;
}

/** Every bar with its two ends: at zero and its value, or on top of what it is stacked on. */
export function placedBars(series: BarSeries[], stacking: Stacking): Bar[] {
  const tops = new Map<string, number>();
  const total = (category: number) =>
    series.reduce((sum, { values }) => sum + Math.abs(values[category] ?? 0), 0) || 1;
  return series.flatMap(({ values }, index) =>
    values.flatMap((value, category) => {
      if (value === null || !Number.isFinite(value)) {
        return [];
      }
      if (stacking === 'none') {
        return [{ series: index, category, value, from: 0, to: value }];
      }
      // What is negative is stacked downwards.
      const key = `${category}${value < 0 ? '-' : '+'}`;
      const from = tops.get(key) ?? 0;
      const to = from + (stacking === 'percent' ? value / total(category) : value);
      tops.set(key, to);
      return [{ series: index, category, value, from, to }];
    })
  );
}

export interface ValueScale {
  ticks: number[];
  /** Where a value is on the axis, from 0 at its begin to 1 at its end. */
  share: (value: number) => number;
}

interface Ends {
  min?: number | null;
  max?: number | null;
}

function between(share: number): number {
  return Number.isNaN(share) ? 0 : Math.min(1, Math.max(0, share));
}

/** An axis of powers; values at and below zero are at its begin. */
export function logScale(values: number[], count: number, base: number, fixed: Ends = {}): ValueScale {
  const log = (value: number) => Math.log(value) / Math.log(base);
  const positive = values.filter((value) => value > 0);
  const low = fixed.min && fixed.min > 0 ? log(fixed.min) : Math.floor(log(Math.min(...positive, Infinity)) - 1e-9);
  const high = fixed.max && fixed.max > 0 ? log(fixed.max) : Math.ceil(log(Math.max(...positive, 0)) - 1e-9);
  if (!positive.length || low >= high) {
    return valueScale(values, count, fixed);
  }
  const first = Math.ceil(low - 1e-9);
  const powers = Math.floor(high + 1e-9) - first;
  const every = Math.max(1, Math.ceil(powers / Math.max(1, count)));
  const ticks = Array.from({ length: Math.floor(powers / every) + 1 }, (_, index) => base ** (first + index * every));
  return { ticks, share: (value) => between((log(value) - low) / (high - low)) };
}

/** An axis from and to round numbers, with at most about `count` ticks; fixed ends stay. */
export function valueScale(values: number[], count: number, fixed: Ends = {}): ValueScale {
  const low = fixed.min ?? Math.min(0, ...values);
  const high = fixed.max ?? Math.max(0, ...values);
  const step = niceStep(high - low || 1, Math.max(1, count));
  const min = fixed.min ?? Math.floor(low / step) * step;
  const max = fixed.max ?? Math.max(Math.ceil(high / step) * step, min + step);
  const first = Math.ceil(min / step);
  const ticks = Array.from(
    { length: Math.floor(max / step + 1e-9) - first + 1 },
    (_, index) => (first + index) * step
  );
  return { ticks, share: (value) => between((value - min) / (max - min)) };
}
