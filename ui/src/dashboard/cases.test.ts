import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderHook, waitFor } from '@testing-library/react';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { dateTime, setWeekStart } from '@grafana/data';
import type { Variable } from '../api/types';
import { showsWithoutData } from '../panels';
import { interpolator } from './interpolate';
import type { Panel } from './model';
import { panelRange } from './panelTime';
import { rangeOf } from './urlState';
import { usePanelQuery } from './usePanelQuery';

// The cases that the engine's tests run too; their README says what they mean.
const FOLDER = join(import.meta.dirname, '../../../testdata/cases');

type Fields<T> = Record<keyof T, unknown>;

/** Fails on a field that the tests do not look at. */
function only<T extends object>(object: T, known: Fields<T>): T {
  expect(Object.keys(known)).toEqual(expect.arrayContaining(Object.keys(object)));
  return object;
}

function read<T extends { cases: unknown[] }>(name: string, known: Fields<T>): T {
  return only(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as T, known);
}

test('all files are run', () => {
  const files = readdirSync(FOLDER).filter((name) => name !== 'README.md');
  expect(files.sort()).toEqual(['interpolation.json', 'panel-queries.json', 'panel-time.json']);
});

interface CaseVariable {
  name: string;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string;
  options: Array<string | { text: string; value: string }>;
  value: string[];
}

interface InterpolationCases {
  range: { from: string; to: string; timeZone: string; asked: { from: string; to: string } };
  variables: CaseVariable[];
  cases: Array<{ text: string; format?: string; want: string }>;
}

const VARIABLE = { name: 1, multi: 1, includeAll: 1, allValue: 1, options: 1, value: 1 };

/** A variable as the engine answers it. */
function answered(definition: CaseVariable, fill: (text: string) => string): Variable {
  const { name, multi = false, includeAll = false, allValue, options, value } = only(definition, VARIABLE);
  const all = includeAll ? [{ text: 'All', value: '$__all' }] : [];
  const own = options.map((option) => (typeof option === 'string' ? { text: option, value: option } : option));
  const choices = [...all, ...own];
  const text = value.map((v) => choices.find((choice) => choice.value === v)?.text ?? v);
  return {
    ...{ name, label: name, type: 'custom', hide: 0, multi, includeAll, options: choices, current: { text, value } },
    // The engine has filled in its references.
    allValue: value[0] === '$__all' && allValue ? fill(allValue) : undefined,
  };
}

describe('interpolation', () => {
  const { range, variables, cases } = read<InterpolationCases>('interpolation.json', {
    range: 1,
    variables: 1,
    cases: 1,
  });
  const { from, to, timeZone, asked } = only(range, { from: 1, to: 1, timeZone: 1, asked: 1 });
  const absolute = { from: Date.parse(from), to: Date.parse(to), timeZone };
  const plain = variables.map((v) => answered(v, (text) => text));
  const fill = interpolator({ variables: plain, ...asked }, absolute);
  const around = { variables: variables.map((v) => answered(v, fill)), ...asked };

  test.each(cases)('$text $format', (each) => {
    const { text, format, want } = only(each, { text: 1, format: 1, want: 1 });
    expect(interpolator(around, absolute)(text, undefined, format)).toBe(want);
  });
});

interface TimeCases {
  now: string;
  timeZone: string;
  cases: Array<{
    name?: string;
    range: { from: string; to: string };
    timeFrom?: string;
    timeShift?: string;
    weekStart?: string;
    fiscalYearStartMonth?: number;
    refused?: boolean;
    want: { from: string; to: string };
  }>;
}

describe("a panel's own time", () => {
  const { now, timeZone, cases } = read<TimeCases>('panel-time.json', { now: 1, timeZone: 1, cases: 1 });
  afterEach(() => {
    vi.useRealTimers();
    setWeekStart('');
  });

  test.each(cases)('$timeFrom $timeShift of $range.from $range.to', (each) => {
    const known = { name: 1, range: 1, timeFrom: 1, timeShift: 1, refused: 1, want: 1, weekStart: 1 };
    const { range, timeFrom, timeShift, weekStart, fiscalYearStartMonth, want } = only(each, {
      ...known,
      fiscalYearStartMonth: 1,
    });
    vi.useFakeTimers({ now: Date.parse(now), toFake: ['Date'] });
    setWeekStart(weekStart);
    const whole = rangeOf(new URLSearchParams(range), range, timeZone, fiscalYearStartMonth);
    const shown = panelRange(whole, { timeFrom, timeShift }, timeZone, fiscalYearStartMonth);
    expect({ from: shown.from.toISOString(), to: shown.to.toISOString() }).toEqual(want);
  });
});

interface QueryCases {
  variables: Record<string, string>;
  cases: Array<{
    name: string;
    panel: Partial<Panel>;
    queries: boolean;
    unsupported?: string;
    showsAnyway?: boolean;
  }>;
}

describe('which panels query', () => {
  const { cases } = read<QueryCases>('panel-queries.json', { variables: 1, cases: 1 });
  const [from, to] = [dateTime(0), dateTime(1000)];
  const range = { from, to, raw: { from, to } };
  afterEach(() => vi.unstubAllGlobals());

  test.each(cases)('$name', async (each) => {
    const known = { name: 1, panel: 1, queries: 1, unsupported: 1, showsAnyway: 1 };
    const { panel: json, queries, unsupported, showsAnyway = false } = only(each, known);
    // As the engine answers it.
    const panel = { id: 1, gridPos: { x: 0, y: 0, w: 1, h: 1 }, ...json, unsupported } as Panel;
    panel.queryable = queries || undefined;
    const asks = vi.fn(async () => new Response('{"results":{}}'));
    vi.stubGlobal('fetch', asks);
    const wanted = { uid: 'u', panel, variables: {}, range, timeZone: 'utc', visible: true, width: 300, refresh: '' };
    const { result } = renderHook(() => usePanelQuery(wanted));
    await waitFor(() => expect(result.current.frames !== undefined).toBe(queries));
    expect(asks).toHaveBeenCalledTimes(queries ? 1 : 0);
    expect(showsWithoutData(panel)).toBe(showsAnyway);
  });
});
