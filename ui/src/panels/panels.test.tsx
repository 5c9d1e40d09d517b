import { screen, waitFor } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import { lastValueFrom } from 'rxjs';
import { createTheme, dateTime, transformDataFrame, type FieldConfigSource } from '@grafana/data';
import { drawn } from '../testing/browser';
import { MINUTE, propsOf, series, show, START, table, times } from '../testing/panel';
import type { PanelOptions } from '../dashboard/model';
import { barsOf, logScale, placedBars, valueScale } from './bars';
import { bands } from './GaugePanel';
import { cellsOfHeat, colorScale, heatOfBuckets, heatOfValues, niceStep } from './heat';
import { toggledSeries } from './hiddenSeries';
import { bucketsOf } from './HistogramPanel';
import { componentOf, showsWithoutData } from './index';
import { linesOf } from './LogsPanel';
import { slicesOf } from './PieChartPanel';
import { cellsOf, lanesOf, legendOf } from './states';

const text = () => document.body.textContent ?? '';
const percent = { defaults: { unit: 'percentunit', decimals: 0 }, overrides: [] };
const range = { from: dateTime(START), to: dateTime(START + 10 * MINUTE), raw: { from: 'a', to: 'b' } };

test('every kind has a component, and an unknown one a stand-in that says so', () => {
  const graphs = 'timeseries barchart piechart heatmap histogram state-timeline status-history';
  const unknown = componentOf('geomap');
  for (const kind of `${graphs} stat gauge bargauge table text dashlist alertlist logs`.split(' ')) {
    expect(componentOf(kind), kind).not.toBe(unknown);
  }
  expect(componentOf('constructor')).toBe(unknown);
  show({ type: 'geomap' }, []);
  expect(text()).toContain('Panels of type “geomap” cannot be shown here');
});

test('a library panel that is not in the file says what is missing', () => {
  show({ type: 'library-panel', libraryPanel: { name: 'Shared CPU' } }, []);
  expect(text()).toContain('The library panel “Shared CPU” is not in the dashboard’s file');
});

test('what has no queries shows itself without data', () => {
  const panel = { id: 1, gridPos: { x: 0, y: 0, w: 1, h: 1 } };
  expect(['text', 'geomap', 'stat'].map((type) => showsWithoutData({ ...panel, type, queryable: true }))).toEqual([
    true,
    true,
    false,
  ]);
});

test('timeseries: a legend with a name and calculations for each series', () => {
  const options = { legend: { displayMode: 'table', placement: 'bottom', showLegend: true, calcs: ['max'] } };
  show({ type: 'timeseries', options, fieldConfig: percent }, [
    series('shop', [0.1, 0.5, 0.2]),
    series('bank', [0.3, 0.3, 0.3]),
  ]);
  expect(screen.getByText('shop')).toBeTruthy();
  expect(text()).toContain('50%');
  expect(text()).toContain('30%');
});

test('timeseries: an override renames and colours one series', () => {
  const overrides = [
    { matcher: { id: 'byName', options: 'shop' }, properties: [{ id: 'displayName', value: 'The shop' }] },
  ];
  show({ type: 'timeseries', fieldConfig: { defaults: {}, overrides } }, [
    series('shop', [1, 2]),
    series('bank', [1, 2]),
  ]);
  expect(screen.getByText('The shop')).toBeTruthy();
  expect(screen.getByText('bank')).toBeTruthy();
});

test('timeseries: without times or numbers it says what is missing', () => {
  show({ type: 'timeseries' }, [table({ pod: ['a'] })]);
  expect(text()).toContain('no field with times and one with numbers');
});

test('a legend label isolates its series, once more restores; with a key it toggles', () => {
  const all = ['a', 'b', 'c'];
  const [isolate, append] = ['select', 'append'] as unknown as Parameters<typeof toggledSeries>[3][];
  const only = toggledSeries(new Set(), all, ['a'], isolate);
  expect([...only]).toEqual(['b', 'c']);
  expect([...toggledSeries(only, all, ['a'], isolate)]).toEqual([]);
  expect([...toggledSeries(only, all, ['b'], append)]).toEqual(['c']);
});

test('stat: the last value in its unit, mapped where a mapping says so', () => {
  show({ type: 'stat', fieldConfig: percent, options: { graphMode: 'none' } }, [series('cpu', [0.1, 0.42])]);
  expect(text()).toContain('42%');
  const mappings = [{ type: 'value' as const, options: { 1: { text: 'Ready', color: 'green' } } }];
  show(
    { type: 'stat', fieldConfig: { defaults: { mappings } as never, overrides: [] }, options: { graphMode: 'none' } },
    [series('node', [1])]
  );
  expect(text()).toContain('Ready');
});

test('gauge: a value, and thresholds as parts of the scale', () => {
  const steps = [
    { value: null as unknown as number, color: 'green' },
    { value: 0.8, color: 'red' },
  ];
  const thresholds = { mode: 'absolute' as never, steps };
  show(
    { type: 'gauge', fieldConfig: { defaults: { unit: 'percentunit', min: 0, max: 1, thresholds }, overrides: [] } },
    [series('memory', [0.6])]
  );
  expect(screen.getByRole('img', { name: /60%/ })).toBeTruthy();
  const found = bands(
    {
      field: {
        min: 0,
        max: 1,
        thresholds: { ...thresholds, steps: [{ value: -Infinity, color: 'green' }, steps[1]] },
      },
    },
    createTheme()
  );
  expect(found.map(({ from, to }) => [from, to])).toEqual([
    [0, 0.8],
    [0.8, 1],
  ]);
});

test('bargauge: a name and a value for each series', () => {
  show({ type: 'bargauge', fieldConfig: { defaults: { unit: 'bytes' }, overrides: [] } }, [
    series('a', [1024]),
    series('b', [2048]),
  ]);
  expect(text()).toContain('1 KiB');
  expect(text()).toContain('2 KiB');
});

test('table: columns and units; several frames can be chosen among', () => {
  show(
    {
      type: 'table',
      fieldConfig: {
        defaults: {},
        overrides: [{ matcher: { id: 'byName', options: 'cpu' }, properties: [{ id: 'unit', value: 'percentunit' }] }],
      },
    },
    [table({ pod: ['web-1', 'web-2'], cpu: [0.5, 0.25] })]
  );
  expect(screen.getByRole('grid')).toBeTruthy();
  expect(screen.getByText('pod')).toBeTruthy();
});

test('table: a footer with calculations, for all columns or for one', () => {
  const frame = () => table({ pod: ['a', 'b'], cpu: [0.5, 0.25] });
  const footer = (fieldConfig: FieldConfigSource) => {
    const { unmount } = show({ type: 'table', fieldConfig }, [frame()]);
    const cells = [...document.querySelectorAll('.rdg-summary-row [role=gridcell]')].map((cell) => cell.textContent);
    unmount();
    return cells;
  };
  expect(footer({ defaults: { custom: { footer: { reducers: ['sum', 'max'] } } }, overrides: [] })).toEqual([
    'TotalMax',
    '0.7500.500',
  ]);
  const override = {
    matcher: { id: 'byName', options: 'cpu' },
    properties: [
      { id: 'unit', value: 'percentunit' },
      { id: 'custom.footer.reducers', value: ['mean'] },
    ],
  };
  expect(footer({ defaults: {}, overrides: [override] })).toEqual(['Mean', '37.5%']);
  expect(footer({ defaults: { custom: { footer: { reducers: ['countAll'] } } }, overrides: [] })[0]).toContain('2');
  expect(footer({ defaults: {}, overrides: [] })).toEqual([]);
});

test('table: a small graph in each row of what was series', async () => {
  const source = [series('a', [1, 5, 3], { pod: 'a' }), series('b', [2, 2, 4], { pod: 'b' })];
  const frames = await lastValueFrom(transformDataFrame([{ id: 'timeSeriesTable', options: {} }], source));
  show({ type: 'table' }, frames);
  expect(
    [...document.querySelectorAll('[role=row]:not(:first-child) [role=gridcell]')].map((cell) => cell.textContent)
  ).toEqual(['a', '3', 'b', '4']);
  expect(document.querySelectorAll('[role=gridcell] .uplot')).toHaveLength(2);
});

test('piechart: shares of the whole, the largest first, without what is hidden or zero', () => {
  show({ type: 'piechart', options: { legend: { values: ['percent'], displayMode: 'table', showLegend: true } } }, [
    series('a', [1]),
    series('b', [3]),
  ]);
  expect(screen.getByRole('img', { name: 'b 75%, a 25%' })).toBeTruthy();
  const value = (title: string, numeric: number) => ({ name: title, display: { title, numeric, text: '' } }) as never;
  expect(
    slicesOf([value('a', 1), value('b', 3), value('c', 0), value('d', 9)], new Set(['d'])).map(({ name, share }) => [
      name,
      share,
    ])
  ).toEqual([
    ['b', 0.75],
    ['a', 0.25],
  ]);
});

test('barchart: a bar for each row and number, named after the texts', () => {
  const { container } = show({ type: 'barchart' }, [
    table({ namespace: ['shop', 'bank'], used: [2, 3], asked: [4, 5] }),
  ]);
  expect(container.querySelectorAll('rect.bar')).toHaveLength(4);
  expect(text()).toContain('shop');
  expect(text()).toContain('asked');
});

test('barchart: stacked bars stand on each other, in percent they fill the axis', () => {
  const bars = barsOf([table({ namespace: ['shop'], used: [1], asked: [3] })], undefined, 'utc', createTheme());
  expect(bars?.categories).toEqual(['shop']);
  const ends = (stacking: 'none' | 'normal' | 'percent') =>
    placedBars(bars?.series ?? [], stacking).map(({ from, to }) => [from, to]);
  expect(ends('none')).toEqual([
    [0, 1],
    [0, 3],
  ]);
  expect(ends('normal')).toEqual([
    [0, 1],
    [1, 4],
  ]);
  expect(ends('percent')).toEqual([
    [0, 0.25],
    [0.25, 1],
  ]);
});

test('value axes go to round numbers', () => {
  const upright = valueScale([0, 87], 5);
  expect(upright.ticks).toEqual([0, 20, 40, 60, 80, 100]);
  expect([upright.share(0), upright.share(87), upright.share(200)]).toEqual([0, 0.87, 1]);
  expect(valueScale([-3, 7], 5).ticks).toEqual([-4, -2, 0, 2, 4, 6, 8]);
  expect(valueScale([], 4).ticks).toEqual([0, 0.5]);
  expect([niceStep(100, 10), niceStep(7, 5), niceStep(0.3, 10)]).toEqual([10, 2, 0.05]);
});

test('an axis of powers has the same way from each to the next', () => {
  const tens = logScale([0, 5, 2000], 10, 10);
  expect(tens.ticks).toEqual([1, 10, 100, 1000, 10000]);
  expect([tens.share(1), tens.share(100), tens.share(10000)]).toEqual([0, 0.5, 1]);
  // Where there is no logarithm, a bar has no length.
  expect([tens.share(0), tens.share(-5)]).toEqual([0, 0]);
  expect(logScale([1, 1024], 5, 2).ticks).toEqual([0.5, 4, 32, 256]);
  expect(logScale([5], 5, 10, { min: 1, max: 1000 }).ticks).toEqual([1, 10, 100, 1000]);
  expect(logScale([0, -3], 5, 10).ticks).toEqual(valueScale([0, -3], 5).ticks);
});

describe('barchart: the names along its axis', () => {
  const frame = () => table({ namespace: ['payments', 'warehouse', 'shop', 'batch'], used: [1, 2, 3, 4] });
  const names = (options: PanelOptions, width = 600) => {
    const { container } = show({ type: 'barchart', options }, [frame()], { width, height: 300 });
    return [...container.querySelectorAll('text')].filter((element) => element.querySelector('title'));
  };
  const shown = (options: PanelOptions, width?: number) =>
    names(options, width).map((element) => element.firstChild?.textContent);

  test('are cut where they are to be', () => {
    expect(shown({ orientation: 'vertical', xTickLabelMaxLength: 4 })).toEqual(['paym…', 'ware…', 'shop', 'batc…']);
  });

  test('lean, which leaves room for all of them', () => {
    const leaning = names({ orientation: 'vertical', xTickLabelRotation: -45 }, 160);
    expect(leaning).toHaveLength(4);
    expect(leaning[0].getAttribute('transform')).toMatch(/^rotate\(-45 /);
    expect(leaning[0].getAttribute('text-anchor')).toBe('end');
    expect(names({ orientation: 'vertical', xTickLabelRotation: 45 })[0].getAttribute('text-anchor')).toBe('start');
    expect(names({ orientation: 'horizontal', xTickLabelRotation: 45 })[0].getAttribute('transform')).toBeNull();
  });

  test('keep a distance, counted from the begin or the end', () => {
    expect(shown({ orientation: 'vertical', xTickLabelSpacing: 300 })).toEqual(['payments', 'batch']);
    expect(shown({ orientation: 'vertical', xTickLabelSpacing: 200 })).toEqual(['payments', 'shop']);
    expect(shown({ orientation: 'vertical', xTickLabelSpacing: -200 })).toEqual(['warehouse', 'batch']);
  });
});

test('barchart: bars on a logarithmic axis', () => {
  const custom = { scaleDistribution: { type: 'log', log: 10 } };
  const heights = (fieldConfig: object) => {
    const { container } = show(
      {
        type: 'barchart',
        options: { orientation: 'vertical' },
        fieldConfig: { defaults: fieldConfig, overrides: [] },
      },
      [table({ pod: ['a', 'b', 'c'], bytes: [1, 10, 100] })]
    );
    return [...container.querySelectorAll('rect.bar')].map((bar) => Number(bar.getAttribute('height')));
  };
  const [small, middle, large] = heights({ custom });
  expect(middle / small).toBeCloseTo(2);
  expect(large / small).toBeCloseTo(3);
  const linear = heights({});
  expect(linear[2] / linear[1]).toBeCloseTo(10);
});

test('histogram: how many values fall into each bucket', () => {
  const buckets = bucketsOf([series('a', [1, 2, 2, 3]), series('b', [3, 3])], { bucketSize: 1, combine: true });
  expect(buckets?.low).toEqual([1, 2, 3]);
  expect(buckets?.counts.map(({ values }) => values)).toEqual([[1, 2, 3]]);
  const { container } = show({ type: 'histogram', options: { bucketSize: 1, combine: true } }, [
    series('a', [1, 2, 2, 3]),
  ]);
  expect(container.querySelectorAll('rect.bar')).toHaveLength(3);
});

test('heatmap: buckets in the order of their borders, empty ones left out', async () => {
  const frame = table({ Time: times(2), '+Inf': [0, 1], '0.5': [4, 0], '0.05': [2, 2] });
  const heat = heatOfBuckets([frame]);
  expect(heat?.rows.map(({ border }) => border)).toEqual(['0.05', '0.5', '+Inf']);
  const { cells, min, max } = cellsOfHeat(heat!, {}, 0, true);
  expect([min, max]).toEqual([1, 4]);
  expect(cells.map(({ lane, from }) => [lane, from])).toEqual([
    [0, START],
    [0, START + MINUTE],
    [1, START],
    [2, START + MINUTE],
  ]);
  expect(new Set(cells.map(({ color }) => color)).size).toBe(3);
  show({ type: 'heatmap' }, [frame]);
  await waitFor(() => expect(drawn.rectangles).toHaveLength(4));
});

test('heatmap: values can be counted into buckets', () => {
  const heat = heatOfValues([series('a', [0, 5, 10]), series('b', [10, 10, 10])], range, String);
  const total = heat?.rows.flatMap(({ counts }) => counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
  expect(total).toBe(6);
  expect(heat?.rows.at(-1)?.counts.filter(Boolean)).toEqual([1, 1, 2]);
});

test('heatmap: an unknown scheme is as good as the usual one; names of Object are none', () => {
  expect(colorScale({ scheme: 'Nope' }, true)(0.3)).toBe(colorScale({}, true)(0.3));
  expect(colorScale({ mode: 'opacity', fill: '#102030', exponent: 1 }, true)(1)).toBe('#102030ff');
});

test('state timeline: equal neighbours are one state, a missing value is a gap', async () => {
  const { frames } = propsOf({ type: 'state-timeline' }, [series('node', ['up', 'up', null, 'up', 'down'])]);
  const [lane] = lanesOf(frames);
  const cells = cellsOf(lane, 0, range, true);
  expect(cells.map(({ from, to, text: state }) => [(from - START) / MINUTE, (to - START) / MINUTE, state])).toEqual([
    [0, 2, 'up'],
    [3, 4, 'up'],
    [4, 5, 'down'],
  ]);
  expect(cellsOf(lane, 0, range, false)).toHaveLength(4);
  expect(legendOf(cells).map(({ label }) => label)).toEqual(['up', 'down']);
  show({ type: 'state-timeline' }, [series('node', ['up', 'up', null, 'up', 'down'])]);
  await waitFor(() => expect(drawn.rectangles).toHaveLength(3));
  expect(drawn.texts).toContain('node');
});

test('status history: a cell for each sample, coloured by threshold', async () => {
  const steps = [
    { value: null as unknown as number, color: '#00ff00' },
    { value: 5, color: '#ff0000' },
  ];
  show(
    {
      type: 'status-history',
      fieldConfig: { defaults: { thresholds: { mode: 'absolute' as never, steps } }, overrides: [] },
    },
    [series('load', [1, 9, 2])]
  );
  await waitFor(() => expect(drawn.rectangles.map(({ color }) => color)).toEqual(['#00ff00', '#ff0000', '#00ff00']));
});

test('text: markdown and HTML without scripts', () => {
  const image = '<img src=x onerror="window.hacked = 1">';
  const content = `# Hello\n<script>window.hacked = 1</script>${image}[go](javascript:window.hacked=1)`;
  for (const mode of ['markdown', 'html']) {
    const { container, unmount } = show({ type: 'text', options: { mode, content } }, []);
    expect(container.textContent).toContain('Hello');
    expect(container.querySelector('script')).toBeNull();
    expect(container.innerHTML).not.toContain('onerror');
    expect(container.querySelector('a[href^="javascript"]')).toBeNull();
    unmount();
  }
});

test('labels are texts, never HTML', () => {
  const name = '<img src=x onerror="window.hacked = 1">';
  const { container } = show({ type: 'timeseries' }, [series(name, [1, 2])]);
  expect(container.querySelector('img')).toBeNull();
  expect(container.textContent).toContain(name);
});

test('logs: the newest line first, its labels alongside', () => {
  const frame = table({ Time: times(2), body: ['Created pod', 'Back-off'], severity: ['Normal', 'Warning'] });
  expect(linesOf([frame]).map(({ body, level }) => [body, level])).toEqual([
    ['Created pod', 'Normal'],
    ['Back-off', 'Warning'],
  ]);
  const { container } = show({ type: 'logs' }, [frame]);
  const lines = [...container.querySelectorAll('.log')];
  expect(lines.map((line) => line.className)).toEqual(['log log-warning', 'log']);
  expect(lines[0].textContent).toContain('Back-off');
});
