import { map } from 'rxjs';
import {
  FieldType,
  getFieldDisplayName,
  isTimeSeriesFrame,
  type DataFrame,
  type DataTransformerInfo,
  type Field,
} from '@grafana/data';

interface Options {
  /** About how many points are left. */
  resolution?: number;
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The nth moment about the mean. */
function moment(values: number[], power: number): number {
  const middle = mean(values);
  return mean(values.map((value) => (value - middle) ** power));
}

function kurtosis(values: number[]): number {
  return moment(values, 4) / moment(values, 2) ** 2;
}

function roughness(values: number[]): number {
  return moment(
    values.slice(1).map((value, index) => value - values[index]),
    2
  );
}

/** Means of `width` values each, `step` apart. */
function means(values: number[], width: number, step: number): number[] {
  const count = Math.max(1, Math.floor((values.length - width) / step) + 1);
  return Array.from({ length: count }, (_, index) => mean(values.slice(index * step, index * step + width)));
}

/**
 * ASAP (Rong and Bailis, "Prioritizing Attention via Time Series Smoothing", 2017): the moving mean that leaves the
 * least roughness and keeps what stands out, which is a kurtosis no less than before.
 */
export function smoothed(
  values: number[],
  resolution: number
): { values: number[]; times: (times: number[]) => number[] } {
  const step = Math.max(1, Math.floor(values.length / Math.max(1, resolution)));
  const reduced = means(values, step, step);
  const least = kurtosis(reduced);
  let best = { values: reduced, width: 1, rough: roughness(reduced) };
  for (let width = 2; width <= reduced.length / 10; width++) {
    const candidate = means(reduced, width, 1);
    const rough = roughness(candidate);
    if (rough < best.rough && kurtosis(candidate) >= least) {
      best = { values: candidate, width, rough };
    }
  }
  return { values: best.values, times: (times) => means(means(times, step, step), best.width, 1) };
}

function smooth(frame: DataFrame, resolution: number): DataFrame[] {
  const time = frame.fields.find(({ type }) => type === FieldType.time);
  const numbers = frame.fields.filter(({ type }) => type === FieldType.number);
  return numbers.map((field) => {
    const rows = field.values.flatMap((value, row) => (Number.isFinite(value) ? [row] : []));
    const made = smoothed(
      rows.map((row) => field.values[row] as number),
      resolution
    );
    const name = `${getFieldDisplayName(field, frame)} (smoothed)`;
    const fields: Field[] = [
      { ...time!, values: made.times(rows.map((row) => time!.values[row] as number)), state: undefined },
      {
        ...field,
        values: made.values,
        config: { ...field.config, displayName: undefined, displayNameFromDS: name },
        state: undefined,
      },
    ];
    return { ...frame, fields, length: made.values.length };
  });
}

/** Adds a smoothed copy of every time series. */
function smoothing(frames: DataFrame[], { resolution = 100 }: Options): DataFrame[] {
  return [
    ...frames,
    ...frames
      .filter((frame) => isTimeSeriesFrame(frame) && frame.length > 1)
      .flatMap((frame) => smooth(frame, resolution)),
  ];
}

export const smoothingTransformer: DataTransformerInfo<Options> = {
  id: 'smoothing',
  name: 'Smoothing',
  defaultOptions: { resolution: 100 },
  operator: (options) => (source) => source.pipe(map((frames) => smoothing(frames, options))),
};
