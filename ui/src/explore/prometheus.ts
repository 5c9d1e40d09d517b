import { FieldType, toDataFrame, type DataFrame, type Labels } from '@grafana/data';
import { get } from '../api/client';

export const PROMETHEUS = '/api/datasources/proxy/uid/prometheus';

type Sample = [number, string];

interface QueryData {
  resultType: 'matrix' | 'vector' | 'scalar' | 'string';
  result: Array<{ metric: Labels; value?: Sample; values?: Sample[] }> | Sample;
}

interface Answer {
  data: QueryData;
  warnings?: string[];
}

export interface Result {
  frames: DataFrame[];
  series: number;
  warnings: string[];
}

/** Numbers as Prometheus writes them: NaN, +Inf and -Inf are among them. */
function numberOf(text: string | undefined): number {
  return Number(text?.replace('Inf', 'Infinity'));
}

/** `name{label="value"}`, as Prometheus writes a series. */
export function seriesName({ __name__: name = '', ...labels }: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length ? `${name}{${pairs.join(', ')}}` : name || '{}';
}

export const MOST_SERIES = 200;

/** A range result: a frame for each series, as many as can be distinguished in a graph. */
export function rangeFrames({ result }: QueryData, refId: string): DataFrame[] {
  const all = result as Array<{ metric: Labels; values: Sample[] }>;
  return all.slice(0, MOST_SERIES).map(({ metric, values }) =>
    toDataFrame({
      refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: values.map(([time]) => time * 1000) },
        {
          name: 'Value',
          type: FieldType.number,
          values: values.map(([, value]) => numberOf(value)),
          labels: metric,
          config: { displayNameFromDS: seriesName(metric) },
        },
      ],
    })
  );
}

/** An instant result as one table: a column for each label, then the value. */
export function tableFrame({ resultType, result }: QueryData, refId: string): DataFrame {
  if (resultType === 'scalar' || resultType === 'string') {
    return toDataFrame({ refId, fields: [{ name: 'Value', values: [(result as Sample)[1]] }] });
  }
  const rows = result as Array<{ metric: Labels; value?: Sample; values?: Sample[] }>;
  const labels = [...new Set(rows.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const last = ({ value, values }: (typeof rows)[number]) => numberOf((value ?? values?.at(-1))?.[1]);
  return toDataFrame({
    refId,
    fields: [
      ...labels.map((name) => ({
        name,
        type: FieldType.string,
        values: rows.map(({ metric }) => metric[name] ?? ''),
      })),
      { name: 'Value', type: FieldType.number, values: rows.map(last) },
    ],
  });
}

async function ask(path: string, parameters: Record<string, string>, signal: AbortSignal): Promise<Answer> {
  return get<Answer>(`${PROMETHEUS}/api/v1/${path}?${new URLSearchParams(parameters)}`, signal);
}

/** Steps that give about `points` points, whole seconds, none finer than 5. */
export function stepSeconds(from: number, to: number, points: number): number {
  return Math.max(5, Math.ceil((to - from) / 1000 / Math.max(1, points)));
}

export interface Asked {
  expr: string;
  refId: string;
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  points: number;
}

export async function queryRange({ expr, refId, from, to, points }: Asked, signal: AbortSignal): Promise<Result> {
  const step = String(stepSeconds(from, to, points));
  const { data, warnings = [] } = await ask(
    'query_range',
    { query: expr, start: String(from / 1000), end: String(to / 1000), step },
    signal
  );
  const frames = rangeFrames(data, refId);
  return { frames, series: data.result.length, warnings };
}

export async function queryInstant({ expr, refId, to }: Asked, signal: AbortSignal): Promise<Result> {
  const { data, warnings = [] } = await ask('query', { query: expr, time: String(to / 1000) }, signal);
  return { frames: [tableFrame(data, refId)], series: data.result.length, warnings };
}
