import { useMemo } from 'react';
import { dateTimeFormat, FieldType, type DataFrame, type Field } from '@grafana/data';
import { useGet } from '../api/client';
import type { EventsAnswer, KubernetesEvent } from '../api/types';
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
      return {
        time: Number(time.values[row]),
        body: String(body.values[row] ?? ''),
        level,
        labels: labels.filter(([, value]) => value),
      };
    });
  });
}

const MOST_LINES = 1000;

function Lines({
  lines,
  options,
  height,
  timeZone,
}: {
  lines: LogLine[];
  options: Options;
  height: number;
  timeZone: string;
}) {
  const sign = options.sortOrder === 'Ascending' ? 1 : -1;
  const sorted = [...lines].sort((a, b) => sign * (a.time - b.time)).slice(0, MOST_LINES);
  return (
    <ol className={options.wrapLogMessage ? 'logs wrap' : 'logs'} style={{ height }}>
      {sorted.map((line, index) => (
        <li key={index} className={/^(warn|err|crit)/i.test(line.level) ? 'log log-warning' : 'log'}>
          {options.showTime !== false && <time>{dateTimeFormat(line.time, { timeZone })}</time>}
          {options.showLabels && <span className="quiet">{line.labels.map(([, value]) => value).join(' ')}</span>}
          <span title={line.labels.map(([name, value]) => `${name}: ${value}`).join('\n')}>{line.body}</span>
        </li>
      ))}
    </ol>
  );
}

/** Kubernetes events as log lines, with what they are about as labels. */
export function linesOfEvents(events: KubernetesEvent[]): LogLine[] {
  return events.map(({ lastTime, message, type = '', namespace, kind, name, reason }) => {
    const labels: Array<[string, string | undefined]> = [
      ['type', type],
      ['namespace', namespace],
      ['kind', kind],
      ['name', name],
      ['reason', reason],
    ];
    return {
      time: Date.parse(lastTime),
      body: message,
      level: type,
      labels: labels.filter((label): label is [string, string] => Boolean(label[1])),
    };
  });
}

/** There is no store of logs here but that of Kubernetes events: what a panel that asks another source is given. */
function EventLines({ panel, options, range, height, timeZone, interpolate }: PanelProps & { options: Options }) {
  const wanted = new URLSearchParams({
    since: range.from.toISOString(),
    until: range.to.toISOString(),
    limit: String(MOST_LINES),
  });
  // One chosen namespace selects; All, several and dashboards without such a variable do not.
  const chosen = /^var-namespace=([a-z0-9-]+)$/.exec(interpolate('${namespace:queryparam}'));
  if (chosen) {
    wanted.set('namespace', chosen[1]);
  }
  const { data, error } = useGet<EventsAnswer>(`/api/diorama/v1/events?${wanted}`);
  if (error && !data) {
    return <Message>{error}</Message>;
  }
  return (
    <>
      <div className="logs-source" title={panel.unsupported}>
        Kubernetes events
      </div>
      {data && !data.events.length ? (
        <Message>There are no events in this time range.</Message>
      ) : (
        <Lines lines={linesOfEvents(data?.events ?? [])} options={options} height={height - 20} timeZone={timeZone} />
      )}
    </>
  );
}

export function LogsPanel(props: PanelProps) {
  const { panel, frames, height, timeZone } = props;
  const options = (panel.options ?? {}) as Options;
  const lines = useMemo(() => linesOf(frames), [frames]);
  if (!panel.queryable) {
    return <EventLines {...props} options={options} />;
  }
  return lines.length ? (
    <Lines lines={lines} options={options} height={height} timeZone={timeZone} />
  ) : (
    <Message>The data has no field with times and one with texts.</Message>
  );
}
