import { useMemo } from 'react';
import { dateTimeFormat, FieldType, type DataFrame, type Field } from '@grafana/data';
import { Message } from './shared';
import type { PanelProps } from './types';

interface Options {
  showTime?: boolean;
  showLabels?: boolean;
  wrapLogMessage?: boolean;
  sortOrder?: 'Ascending' | 'Descending';
}

export interface LogLine {
  time: number;
  body: string;
  level: string;
  labels: Array<[string, string]>;
}

const BODY = ['body', 'Line', 'line', 'message', 'Message'];
const LEVEL = ['severity', 'level', 'type', 'Type'];

function bodyField(frame: DataFrame): Field | undefined {
  const texts = frame.fields.filter(({ type }) => type === FieldType.string);
  return texts.find(({ name }) => BODY.includes(name)) ?? texts[0];
}

/** The rows of all frames as log lines: a time, a text, and what else the row has as labels. */
export function linesOf(frames: DataFrame[]): LogLine[] {
  return frames.flatMap((frame) => {
    const time = frame.fields.find(({ type }) => type === FieldType.time);
    const body = bodyField(frame);
    if (!time || !body) {
      return [];
    }
    const others = frame.fields.filter((field) => field !== time && field !== body && field.type === FieldType.string);
    return Array.from({ length: frame.length }, (_, row) => {
      const labels = others.map(({ name, values }): [string, string] => [name, String(values[row] ?? '')]);
      const level = labels.find(([name]) => LEVEL.includes(name))?.[1] ?? '';
      return { time: Number(time.values[row]), body: String(body.values[row] ?? ''), level, labels: labels.filter(([, value]) => value) };
    });
  });
}

export function LogsPanel({ panel, frames, height, timeZone }: PanelProps) {
  const options: Options = { showTime: true, ...(panel.options as Options | undefined) };
  const lines = useMemo(() => {
    const sign = options.sortOrder === 'Ascending' ? 1 : -1;
    return linesOf(frames).sort((a, b) => sign * (a.time - b.time)).slice(0, 1000);
  }, [frames, options.sortOrder]);
  if (!lines.length) {
    return <Message>The data has no field with times and one with texts.</Message>;
  }
  return (
    <ol className={options.wrapLogMessage ? 'logs wrap' : 'logs'} style={{ height }}>
      {lines.map((line, index) => (
        <li key={index} className={/^(warn|err|crit)/i.test(line.level) ? 'log log-warning' : 'log'}>
          {options.showTime && <time>{dateTimeFormat(line.time, { timeZone })}</time>}
          {options.showLabels && <span className="quiet">{line.labels.map(([, value]) => value).join(' ')}</span>}
          <span title={line.labels.map(([name, value]) => `${name}: ${value}`).join('\n')}>{line.body}</span>
        </li>
      ))}
    </ol>
  );
}
