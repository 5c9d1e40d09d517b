import { map } from 'rxjs';
import {
  FieldType,
  isTimeSeriesFrame,
  reduceField,
  ReducerID,
  type DataFrame,
  type DataFrameWithValue,
  type DataTransformerInfo,
  type Field,
} from '@grafana/data';

/** Settings of one query. */
interface QueryOptions {
  /** The calculation that is shown alongside the line. */
  stat?: ReducerID;
  /** Whether all frames of the query make one table. */
  mergeSeries?: boolean;
}

type Options = Record<string, QueryOptions | undefined>;

/** Each series of a frame as the value of a cell: tables sort by its value, and draw the rest. */
function trends(frame: DataFrame, stat: ReducerID): Array<{ labels: Field['labels']; trend: DataFrameWithValue }> {
  const time = frame.fields.find(({ type }) => type === FieldType.time);
  return frame.fields
    .filter(({ type }) => type === FieldType.number)
    .map((field) => {
      const value: unknown = reduceField({ field, reducers: [stat] })[stat];
      return {
        labels: field.labels,
        trend: { ...frame, fields: time ? [time, field] : [field], value: typeof value === 'number' ? value : null },
      };
    });
}

function tableOf(refId: string | undefined, frames: DataFrame[], stat: ReducerID): DataFrame {
  const rows = frames.flatMap((frame) => trends(frame, stat));
  const names = [...new Set(rows.flatMap(({ labels }) => Object.keys(labels ?? {})))];
  const columns = names.map((name): Field => ({
    name,
    type: FieldType.string,
    config: {},
    values: rows.map(({ labels }) => labels?.[name]),
  }));
  const config = frames[0].fields.find(({ type }) => type === FieldType.number)?.config;
  // The column is named after its query; the names of series are in the other columns.
  const trend: Field = {
    name: refId ? `Trend #${refId}` : 'Trend',
    type: FieldType.frame,
    config: { ...config, displayName: undefined, displayNameFromDS: undefined },
    values: rows.map((row) => row.trend),
  };
  return { refId, fields: [...columns, trend], length: rows.length };
}

/** A table for each query: a row for each series, with its labels and a small graph. What is no time series stays. */
function timeSeriesTable(frames: DataFrame[], options: Options): DataFrame[] {
  const groups = new Map<string, DataFrame[]>();
  const made: Array<DataFrame | DataFrame[]> = [];
  for (const frame of frames) {
    const id = frame.refId ?? '';
    const group = groups.get(id);
    if (!isTimeSeriesFrame(frame)) {
      made.push(frame);
    } else if (group && options[id]?.mergeSeries !== false) {
      group.push(frame);
    } else {
      const begun = [frame];
      groups.set(id, begun);
      made.push(begun);
    }
  }
  return made.map((one) =>
    Array.isArray(one) ? tableOf(one[0].refId, one, options[one[0].refId ?? '']?.stat ?? ReducerID.lastNotNull) : one
  );
}

export const timeSeriesTableTransformer: DataTransformerInfo<Options> = {
  id: 'timeSeriesTable',
  name: 'Time series to table',
  defaultOptions: {},
  operator: (options) => (source) => source.pipe(map((frames) => timeSeriesTable(frames, options))),
};
