import { describe, expect, test } from 'vitest';
import { dateTime, type DataFrame, type Field } from '@grafana/data';
import type { Variable } from '../api/types';
import { propsOf, series, table } from '../testing/panel';
import { filterText, readFilters } from './adhoc';
import { interpolator, timeQuery, variablesQuery } from './interpolate';
import { layout, rectangles } from './layout';
import { carry } from './links';
import type { Panel } from './model';
import {
  boundaryText,
  rangeOf,
  rangeText,
  shifted,
  shownZone,
  variablesOf,
  writeRange,
  writeVariable,
  zoneName,
} from './urlState';
import { tabsOf } from './TabbedGrid';
import { chosenValues } from './VariableInput';

const HOUR = { from: 'now-1h', to: 'now' };

describe('the address', () => {
  test('names variables as Grafana writes them', () => {
    const query = new URLSearchParams('var-namespace=shop&var-namespace=data&var-cluster=All&from=now-1h&var-empty=');
    expect(variablesOf(query)).toEqual({ namespace: ['shop', 'data'], cluster: ['$__all'], empty: [''] });
    writeVariable(query, 'namespace', ['a b&c']);
    writeVariable(query, 'cluster', []);
    expect(query.toString()).toBe('from=now-1h&var-empty=&var-namespace=a+b%26c&var-cluster=');
  });

  test('carries relative, absolute and unreadable times', () => {
    const relative = rangeOf(new URLSearchParams('from=now-5m&to=now'), HOUR);
    expect(rangeText(relative)).toEqual({ from: 'now-5m', to: 'now' });
    const absolute = rangeOf(new URLSearchParams('from=1760000000000&to=1760003600000'), HOUR);
    expect([absolute.from.valueOf(), absolute.to.valueOf()]).toEqual([1760000000000, 1760003600000]);
    expect(rangeText(absolute)).toEqual({ from: '1760000000000', to: '1760003600000' });
    expect(rangeOf(new URLSearchParams('from=2025-01-01T00:00:00Z&to=2025-01-01T01:00:00Z'), HOUR).to.valueOf()).toBe(
      Date.UTC(2025, 0, 1, 1)
    );
    expect(rangeText(rangeOf(new URLSearchParams('from=soon'), HOUR))).toEqual({ from: 'now', to: 'now' });
    const written = new URLSearchParams();
    writeRange(written, { from: dateTime(1760000000000), to: 'now' });
    expect(written.toString()).toBe('from=1760000000000&to=now');
    expect(boundaryText('now/d')).toBe('now/d');
  });

  test('days begin in the time zone that is shown, and the browser has one', () => {
    const day = (zone: string) =>
      rangeOf(new URLSearchParams('from=now/d&to=now'), HOUR, zone).from.valueOf() % 86_400_000;
    expect([day('utc'), day('Asia/Tokyo')]).toEqual([0, 15 * 3_600_000]);
    expect([zoneName('utc'), zoneName('Asia/Tokyo')]).toEqual(['utc', 'Asia/Tokyo']);
    expect(zoneName('browser')).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone);
  });

  test("a zone that is the default, or that nobody knows, is the browser's", () => {
    for (const named of [undefined, '', 'default', 'browser']) {
      expect(shownZone(named)).toEqual({ timeZone: 'browser' });
    }
    expect(shownZone('utc')).toEqual({ timeZone: 'utc' });
    expect(shownZone('Europe/Berlin')).toEqual({ timeZone: 'Europe/Berlin' });
    expect(shownZone('Middle/Earth')).toEqual({ timeZone: 'browser', unknown: 'Middle/Earth' });
  });

  test('a range moves by half of itself, and widens to twice', () => {
    const range = rangeOf(new URLSearchParams('from=1760000000000&to=1760003600000'), HOUR);
    const ends = (how: 'back' | 'forward' | 'wider') =>
      Object.values(shifted(range, how)).map((end) => (end.valueOf() as number) - 1760000000000);
    expect(ends('back')).toEqual([-1_800_000, 1_800_000]);
    expect(ends('forward')).toEqual([1_800_000, 5_400_000]);
    expect(ends('wider')).toEqual([-1_800_000, 5_400_000]);
  });
});

function variable(name: string, ...values: string[]): Variable {
  return {
    name,
    label: '',
    type: 'query',
    hide: 0,
    multi: true,
    includeAll: true,
    current: { text: values, value: values },
    options: [],
  };
}

describe('interpolation', () => {
  const around = { variables: [variable('one', 'a'), variable('two', 'b.c', "d'e")], from: 'now-1h', to: 'now' };
  const fill = interpolator(around, { from: 1000, to: 61_000, timeZone: 'Asia/Tokyo' });

  test('all variables are one part of an address', () => {
    expect(fill('/d/x?${__all_variables}')).toBe('/d/x?var-one=a&var-two=b.c&var-two=d%27e');
  });

  test('values of a repeated panel come first', () => {
    const scopedVars = { one: { text: 'repeated', value: 'repeated' } };
    expect(interpolator({ ...around, scopedVars }, { from: 0, to: 0 })('$one')).toBe('repeated');
    expect(variablesQuery({ ...around, scopedVars })).toContain('var-one=repeated');
  });

  function inRow(text: string, frame: DataFrame, field: Field, rowIndex: number, format?: string): string {
    return fill(text, { __dataContext: { value: { frame, field, rowIndex, data: [frame] } } } as never, format);
  }

  test('a link knows the row, the field and its labels', () => {
    const { frames } = propsOf({ type: 'table' }, [table({ pod: ['web 1', 'web&2'], cpu: [1, 2] })]);
    const [pod, cpu] = frames[0].fields;
    expect(inRow('/d/pod?var-pod=${__value.text}', frames[0], pod, 1, 'uriencode')).toBe('/d/pod?var-pod=web%262');
    expect(inRow('/d/pod?var-pod=${__data.fields.pod}', frames[0], cpu, 0, 'uriencode')).toBe(
      '/d/pod?var-pod=web%201'
    );
    expect(inRow('${__data.fields["pod"]} ${__data.fields[1].numeric} ${__field.name}', frames[0], cpu, 1)).toBe(
      'web&2 2 cpu'
    );
    const labelled = propsOf({}, [series('cpu', [1], { pod: 'web-1' })]).frames[0];
    expect(
      inRow(
        '${__field.labels.pod} ${__field.labels["pod"]} ${__field.displayName} ${__series.name}',
        labelled,
        labelled.fields[1],
        0
      )
    ).toBe('web-1 web-1 cpu cpu');
  });

  test('links carry time and variables, and never a script', () => {
    expect(carry('/d/x', { keepTime: true, includeVars: true }, around)).toBe(
      "/d/x?from=now-1h&to=now&var-one=a&var-two=b.c&var-two=d'e"
    );
    expect(carry('/d/x?a=1#part', { keepTime: true }, around)).toBe('/d/x?a=1&from=now-1h&to=now#part');
    expect(carry('javascript:alert(1)', {}, around)).toBe('about:blank');
    expect(timeQuery({ ...around, from: 'now-1d/d' })).toBe('from=now-1d%2Fd&to=now');
  });
});

test('All stands for itself', () => {
  const all = '$__all';
  expect(chosenValues(['a'], ['a', all], true)).toEqual([all]);
  expect(chosenValues([all], [all, 'a'], true)).toEqual(['a']);
  expect(chosenValues(['a'], [], true)).toEqual([all]);
  expect(chosenValues(['a'], [], false)).toEqual([]);
});

test('ad hoc filters are written as people write them', () => {
  const filters = ['namespace|=|shop', 'pod|!~|web.*,db', 'job|=~|a__gfp__b', 'empty|=|'];
  const text = 'namespace=shop, pod!~"web.*,db", job=~a|b, empty=""';
  expect(filterText(filters)).toBe(text);
  expect(readFilters(text)).toEqual(filters);
  expect(readFilters(' a = b ')).toEqual(['a|=|b']);
  expect(readFilters('')).toEqual([]);
  expect(readFilters('just words')).toBeUndefined();
  expect(readFilters('a="b" c')).toBeUndefined();
});

test('rows that are tabs part the panels', () => {
  const panel = (id: number, type = 'stat', more: Partial<Panel> = {}): Panel => ({
    id,
    type,
    gridPos: { x: 0, y: id, w: 12, h: 4 },
    ...more,
  });
  const tab = (id: number, title: string) => panel(id, 'row', { title, tab: true });
  const panels = [
    panel(1),
    tab(2, 'CPU & memory'),
    panel(3),
    panel(4, 'row'),
    panel(5),
    tab(6, 'CPU memory'),
    panel(7),
  ];
  expect(tabsOf(panels).map(({ title, slug, panels: own }) => [title, slug, own.map(({ id }) => id)])).toEqual([
    ['CPU & memory', 'cpu-memory', [1, 3, 4, 5]],
    ['CPU memory', 'cpu-memory-1', [1, 7]],
  ]);
  expect(tabsOf([panel(1), panel(2, 'row')])).toEqual([]);
});

describe('the grid', () => {
  const at = (id: number, x: number, y: number, h = 4): Panel => ({ id, type: 'stat', gridPos: { x, y, w: 12, h } });
  const row = (id: number, y: number, collapsed: boolean, panels: Panel[] = []): Panel => ({
    id,
    type: 'row',
    collapsed,
    panels,
    gridPos: { x: 0, y, w: 24, h: 1 },
  });
  const panels = [at(1, 0, 0), row(2, 4, true, [at(3, 0, 5)]), row(4, 5, false), at(5, 0, 6), at(6, 12, 6, 8)];

  test('closed rows take one line, open ones their panels', () => {
    const places = (closed: Record<number, boolean>) =>
      layout(panels, closed).map(({ panel, pos }) => [panel.id, pos.y]);
    expect(places({})).toEqual([
      [1, 0],
      [2, 4],
      [4, 5],
      [5, 6],
      [6, 6],
    ]);
    expect(places({ 2: false })).toEqual([
      [1, 0],
      [2, 4],
      [3, 5],
      [4, 9],
      [5, 10],
      [6, 10],
    ]);
    expect(places({ 4: true })).toEqual([
      [1, 0],
      [2, 4],
      [4, 5],
    ]);
    expect(layout(panels, {})[1]).toMatchObject({ open: false, hiddenCount: 1 });
  });

  test('panels that overlap are moved apart, gaps are closed, and all are within the page', () => {
    const first = [at(1, 0, 0), at(2, 6, 2), at(3, 20, 40)];
    const places = layout([...first, row(4, 50, false), at(5, 0, 53), at(6, 0, 53)], {});
    expect(places.map(({ panel, pos: { x, y } }) => [panel.id, x, y])).toEqual([
      [1, 0, 0],
      [2, 6, 4],
      [3, 12, 8],
      [4, 0, 12],
      [5, 0, 13],
      [6, 0, 17],
    ]);
  });

  test('panels of one line do not overlap, and fill the width; on narrow screens they are below each other', () => {
    const placed = layout([at(1, 0, 0), at(2, 12, 0)], {});
    const [left, right] = rectangles(placed, 1200);
    expect(left.left + left.width).toBeLessThan(right.left);
    expect(right.left + right.width).toBeGreaterThanOrEqual(1198);
    expect(left.height).toBe(4 * 38 - 8);
    const narrow = rectangles(placed, 500);
    expect(narrow.map(({ left: x, width }) => [x, width])).toEqual([
      [0, 500],
      [0, 500],
    ]);
    expect(narrow[1].top).toBe(narrow[0].height + 8);
  });
});
