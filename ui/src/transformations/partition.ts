import { map } from 'rxjs';
import {
  FieldType,
  getFieldDisplayName,
  outerJoinDataFrames,
  type DataFrame,
  type DataTransformerInfo,
  type Field,
  type Labels,
} from '@grafana/data';

/** The rows of a frame, grouped by the values of some of its fields, in the order in which they appear. */
function groups(frame: DataFrame, keys: Field[]): Array<{ labels: Labels; rows: number[] }> {
  const found = new Map<string, { labels: Labels; rows: number[] }>();
  for (let row = 0; row < frame.length; row++) {
    const values = keys.map((key) => String(key.values[row] ?? ''));
    const id = JSON.stringify(values);
    const group = found.get(id) ?? {
      labels: Object.fromEntries(keys.map((key, index) => [getFieldDisplayName(key, frame), values[index]])),
      rows: [],
    };
    group.rows.push(row);
    found.set(id, group);
  }
  return [...found.values()];
}

function pick(field: Field, rows: number[], labels?: Labels): Field {
  const own = labels && field.type !== FieldType.time ? { ...field.labels, ...labels } : field.labels;
  return { ...field, labels: own, values: rows.map((row) => field.values[row]), state: undefined };
}

interface PartitionOptions {
  fields?: string[];
  keepFields?: boolean;
  naming?: { asLabels?: boolean };
}

/** One frame for each combination of values of the chosen fields. */
function partitionByValues(
  frame: DataFrame,
  { fields = [], keepFields = false, naming }: PartitionOptions
): DataFrame[] {
  const keys = frame.fields.filter((field) => fields.includes(getFieldDisplayName(field, frame)));
  if (!keys.length) {
    return [frame];
  }
  const kept = keepFields ? frame.fields : frame.fields.filter((field) => !keys.includes(field));
  return groups(frame, keys).map(({ labels, rows }) => ({
    ...frame,
    name: naming?.asLabels ? frame.name : Object.values(labels).join(' '),
    fields: kept.map((field) => pick(field, rows, naming?.asLabels ? labels : undefined)),
    length: rows.length,
  }));
}

export const partitionByValuesTransformer: DataTransformerInfo<PartitionOptions> = {
  id: 'partitionByValues',
  name: 'Partition by values',
  defaultOptions: { fields: [], keepFields: false },
  operator: (options) => (source) =>
    source.pipe(map((frames) => frames.flatMap((frame) => partitionByValues(frame, options)))),
};

/** A long frame, with times, texts and numbers, as one frame for each series; others stay as they are. */
function toSeries(frame: DataFrame): DataFrame[] {
  const time = frame.fields.find(({ type }) => type === FieldType.time);
  const texts = frame.fields.filter(({ type }) => type === FieldType.string);
  const numbers = frame.fields.filter(({ type }) => type === FieldType.number || type === FieldType.boolean);
  if (!time || !numbers.length) {
    return [];
  }
  return groups(frame, texts).flatMap(({ labels, rows }) =>
    numbers.map((number) => ({
      ...frame,
      fields: [pick(time, rows), pick(number, rows, labels)],
      length: rows.length,
    }))
  );
}

interface PrepareOptions {
  format?: 'wide' | 'multi' | 'many' | 'long';
}

/** Makes time series of what is in the frames: one frame for each, or one wide frame of all. */
function prepareTimeSeries(frames: DataFrame[], { format = 'multi' }: PrepareOptions): DataFrame[] {
  if (format === 'long') {
    return frames;
  }
  const series = frames.flatMap(toSeries);
  if (format !== 'wide' || series.length < 2) {
    return series;
  }
  const joined = outerJoinDataFrames({ frames: series, keepOriginIndices: true });
  return joined ? [joined] : series;
}

export const prepareTimeSeriesTransformer: DataTransformerInfo<PrepareOptions> = {
  id: 'prepareTimeSeries',
  name: 'Prepare time series',
  defaultOptions: { format: 'multi' },
  operator: (options) => (source) => source.pipe(map((frames) => prepareTimeSeries(frames, options))),
};
