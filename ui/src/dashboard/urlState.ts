import { dateTime, rangeUtil, type RawTimeRange, type TimeRange } from '@grafana/data';
import type { VariableValues } from '../api/types';
import { ALL } from './formats';

const VARIABLE = 'var-';

/** The variables that an address names, as Grafana writes them: `var-name=value`, repeated for more values. */
export function variablesOf(query: URLSearchParams): VariableValues {
  const values: VariableValues = {};
  for (const [key, value] of query) {
    if (key.startsWith(VARIABLE)) {
      (values[key.slice(VARIABLE.length)] ??= []).push(value === 'All' ? ALL : value);
    }
  }
  return values;
}

export function writeVariable(query: URLSearchParams, name: string, values: string[]): void {
  query.delete(VARIABLE + name);
  // An empty choice is written down too: without it the default would come back.
  for (const value of values.length ? values : ['']) {
    query.append(VARIABLE + name, value);
  }
}

function boundary(text: string): string | ReturnType<typeof dateTime> {
  if (/^\d{8,}$/.test(text)) {
    return dateTime(Number(text));
  }
  if (text.startsWith('now')) {
    return text;
  }
  const at = Date.parse(text);
  return Number.isNaN(at) ? 'now' : dateTime(at);
}

export function rangeOf(
  query: URLSearchParams,
  fallback: { from: string; to: string },
  timeZone?: string,
  fiscalYearStartMonth?: number
): TimeRange {
  const raw: RawTimeRange = {
    from: boundary(query.get('from') ?? fallback.from),
    to: boundary(query.get('to') ?? fallback.to),
  };
  return rangeUtil.convertRawToRange(raw, timeZone, fiscalYearStartMonth);
}

/**
 * The zone that a dashboard is shown in. One that names none, or the default, is shown in the browser's; so is one
 * that names a zone which this browser does not know.
 */
export function shownZone(named: string | undefined): { timeZone: string; unknown?: string } {
  if (!named || named === 'default' || named === 'browser') {
    return { timeZone: 'browser' };
  }
  try {
    Intl.DateTimeFormat(undefined, { timeZone: named });
    return { timeZone: named };
  } catch {
    return { timeZone: 'browser', unknown: named };
  }
}

/** The name under which the API knows a time zone: that of the browser has one of its own. */
export function zoneName(timeZone: string): string {
  const { timeZone: own } = Intl.DateTimeFormat().resolvedOptions();
  // A system without a time zone calls it so.
  return timeZone === 'browser' && own && own !== 'Etc/Unknown' ? own : timeZone;
}

/** A boundary as addresses and the API carry it: `now-1h`, or milliseconds since 1970. */
export function boundaryText(boundary: RawTimeRange['from']): string {
  return typeof boundary === 'string' ? boundary : String(boundary.valueOf());
}

export function rangeText(range: TimeRange): { from: string; to: string } {
  return { from: boundaryText(range.raw.from), to: boundaryText(range.raw.to) };
}

export function writeRange(query: URLSearchParams, range: RawTimeRange): void {
  query.set('from', boundaryText(range.from));
  query.set('to', boundaryText(range.to));
}

/** The range moved by half its length, or widened to twice its length about its middle. */
export function shifted(range: TimeRange, how: 'back' | 'forward' | 'wider'): RawTimeRange {
  const from = range.from.valueOf();
  const to = range.to.valueOf();
  const half = Math.round((to - from) / 2);
  const by = { back: [-half, -half], forward: [half, half], wider: [-half, half] }[how];
  const latest = Math.max(Date.now(), to);
  return { from: dateTime(from + by[0]), to: dateTime(Math.min(to + by[1], latest)) };
}
