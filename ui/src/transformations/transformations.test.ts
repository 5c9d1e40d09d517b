import { describe, expect, test } from 'vitest';
import { getFieldDisplayName, type DataFrame, type DataFrameWithValue } from '@grafana/data';
import { series, START, MINUTE, table } from '../testing/panel';
import { transformed as run } from '../testing/transformed';
import { unknownTransformations } from '.';

/** The rows of a frame under their names, so that a test can be read. */
function rows(frame: DataFrame): Array<Record<string, unknown>> {
  return Array.from({ length: frame.length }, (_, row) =>
    Object.fromEntries(frame.fields.map((f) => [getFieldDisplayName(f, frame), f.values[row]]))
  );
}

const usage = () => table({ pod: ['a', 'b'], 'Value #A': [1, 2] }, 'A');
const limits = () => table({ pod: ['b', 'a'], 'Value #B': [4, 8] }, 'B');

test('joinByField, and its older name seriesToColumns', async () => {
  for (const id of ['joinByField', 'seriesToColumns']) {
    const [joined] = await run([usage(), limits()], { id, options: { byField: 'pod', mode: 'outer' } });
    expect(rows(joined)).toEqual([
      { pod: 'a', 'Value #A': 1, 'Value #B': 8 },
      { pod: 'b', 'Value #A': 2, 'Value #B': 4 },
    ]);
  }
});

test('merge and organize: the tables of the shipped dashboards', async () => {
  const [merged] = await run(
    [usage(), limits()],
    { id: 'merge', options: {} },
    {
      id: 'organize',
      options: {
        excludeByName: {},
        indexByName: { 'Value #B': 0, pod: 1, 'Value #A': 2 },
        renameByName: { 'Value #A': 'Used', 'Value #B': 'Limit' },
      },
    }
  );
  expect(merged.fields.map((field) => getFieldDisplayName(field, merged))).toEqual(['Limit', 'pod', 'Used']);
  expect(rows(merged)).toEqual([
    { pod: 'a', Used: 1, Limit: 8 },
    { pod: 'b', Used: 2, Limit: 4 },
  ]);
});

test('reduce', async () => {
  const [reduced] = await run([series('a', [1, 5, 3]), series('b', [2, 2, 2])], {
    id: 'reduce',
    options: { reducers: ['max', 'lastNotNull'] },
  });
  expect(rows(reduced)).toEqual([
    { Field: 'a', Max: 5, 'Last *': 3 },
    { Field: 'b', Max: 2, 'Last *': 2 },
  ]);
});

test('groupBy', async () => {
  const options = {
    fields: {
      node: { operation: 'groupby', aggregations: [] },
      cpu: { operation: 'aggregate', aggregations: ['sum'] },
    },
  };
  const [grouped] = await run([table({ node: ['x', 'y', 'x'], cpu: [1, 2, 3] })], { id: 'groupBy', options });
  expect(rows(grouped)).toEqual([
    { node: 'x', 'cpu (sum)': 4 },
    { node: 'y', 'cpu (sum)': 2 },
  ]);
});

test('filterFieldsByName, also under the name filterByName', async () => {
  for (const id of ['filterFieldsByName', 'filterByName']) {
    const [left] = await run([usage()], { id, options: { include: { names: ['pod'] } } });
    expect(left.fields.map(({ name }) => name)).toEqual(['pod']);
  }
});

test('filterByRefId', async () => {
  const left = await run([usage(), limits()], { id: 'filterByRefId', options: { include: 'B' } });
  expect(left.map(({ refId }) => refId)).toEqual(['B']);
});

test('filterByValue', async () => {
  const filters = [{ fieldName: 'Value #A', config: { id: 'greater', options: { value: 1 } } }];
  const [left] = await run([usage()], { id: 'filterByValue', options: { type: 'include', match: 'any', filters } });
  expect(rows(left)).toEqual([{ pod: 'b', 'Value #A': 2 }]);
});

test('calculateField', async () => {
  const binary = { left: 'Value #A', operator: '/', right: 'Value #B' };
  const [calculated] = await run(
    [usage(), limits()],
    { id: 'joinByField', options: { byField: 'pod' } },
    { id: 'calculateField', options: { mode: 'binary', alias: 'Share', binary } }
  );
  expect(rows(calculated).map(({ Share }) => Share)).toEqual([0.125, 0.5]);
});

test('sortBy and limit', async () => {
  const [sorted] = await run(
    [usage()],
    { id: 'sortBy', options: { sort: [{ field: 'Value #A', desc: true }] } },
    { id: 'limit', options: { limitField: 1 } }
  );
  expect(rows(sorted)).toEqual([{ pod: 'b', 'Value #A': 2 }]);
});

test('labelsToFields', async () => {
  const [made] = await run([series('cpu', [7], { namespace: 'shop', pod: 'a' })], {
    id: 'labelsToFields',
    options: {},
  });
  expect(rows(made)).toEqual([{ Time: START, namespace: 'shop', pod: 'a', Value: 7 }]);
});

test('renameByRegex', async () => {
  const [renamed] = await run([usage()], {
    id: 'renameByRegex',
    options: { regex: 'Value #(.*)', renamePattern: 'Query $1' },
  });
  expect(renamed.fields.map((field) => getFieldDisplayName(field, renamed))).toEqual(['pod', 'Query A']);
});

test('seriesToRows', async () => {
  const [made] = await run([series('a', [1]), series('b', [2])], { id: 'seriesToRows', options: {} });
  expect(
    rows(made)
      .map(({ Metric, Value }) => [Metric, Value])
      .sort()
  ).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
});

test('convertFieldType and concatenate', async () => {
  const [made] = await run(
    [usage(), table({ size: ['10'] }, 'B')],
    { id: 'convertFieldType', options: { conversions: [{ targetField: 'size', destinationType: 'number' }] } },
    { id: 'concatenate', options: {} }
  );
  expect(made.fields.map(({ name, type }) => [name, type])).toEqual([
    ['pod', 'string'],
    ['Value #A', 'number'],
    ['size', 'number'],
  ]);
  expect(made.fields[2].values[0]).toBe(10);
});

test('configFromData takes max, unit and a threshold from one query for the others', async () => {
  const config = table({ quota: [40], Unit: ['bytes'], warn: [30] }, 'config');
  const options = {
    configRefId: 'config',
    mappings: [
      { fieldName: 'quota', handlerKey: 'max' },
      { fieldName: 'warn', handlerKey: 'threshold1' },
    ],
  };
  const made = await run([series('used', [10]), config], { id: 'configFromData', options });
  expect(made).toHaveLength(1);
  const [time, value] = made[0].fields;
  expect(value.config).toMatchObject({ max: 40, unit: 'bytes', displayNameFromDS: 'used' });
  expect(value.config.thresholds?.steps).toEqual([
    { value: -Infinity, color: 'green' },
    { value: 30, color: 'red' },
  ]);
  expect(time.config.max).toBeUndefined();
});

test('configFromData applies to what it is asked to, and makes value mappings', async () => {
  const config = table({ code: [0, 1], word: ['down', 'up'], shade: ['red', 'green'] }, 'config');
  const mappings = [
    ['code', 'mappings.value'],
    ['word', 'mappings.text'],
    ['shade', 'mappings.color'],
  ].map(([fieldName, handlerKey]) => ({ fieldName, handlerKey }));
  const applyTo = { id: 'byName', options: 'b' };
  const [a, b] = await run([series('a', [1]), series('b', [1]), config], {
    id: 'configFromData',
    options: { configRefId: 'config', mappings, applyTo },
  });
  expect(a.fields[1].config.mappings).toBeUndefined();
  expect(b.fields[1].config.mappings).toEqual([
    {
      type: 'value',
      options: { 0: { text: 'down', color: 'red', index: 0 }, 1: { text: 'up', color: 'green', index: 1 } },
    },
  ]);
});

test('rowsToFields makes a field of each row, with config and labels from the other columns', async () => {
  const [made] = await run([table({ node: ['n1', 'n2'], used: [3, 5], Max: [8, 16], zone: ['a', 'b'] })], {
    id: 'rowsToFields',
    options: {},
  });
  expect(made.fields.map(({ name, values, config, labels }) => [name, values[0], config.max, labels?.zone])).toEqual([
    ['n1', 3, 8, 'a'],
    ['n2', 5, 16, 'b'],
  ]);
});

test('prepareTimeSeries makes series of a long frame', async () => {
  const long = table({ Time: [START, START, START + MINUTE], pod: ['a', 'b', 'a'], cpu: [1, 2, 3] });
  const many = await run([long], { id: 'prepareTimeSeries', options: { format: 'multi' } });
  expect(many.map(({ fields }) => [fields[1].labels, fields[1].values])).toEqual([
    [{ pod: 'a' }, [1, 3]],
    [{ pod: 'b' }, [2]],
  ]);
  const [wide] = await run([long], { id: 'prepareTimeSeries', options: { format: 'wide' } });
  expect(wide.fields.map(({ values }) => [...values])).toEqual([
    [START, START + MINUTE],
    [1, 3],
    [2, undefined],
  ]);
});

test('partitionByValues', async () => {
  const frame = table({ phase: ['Running', 'Failed', 'Running'], pod: ['a', 'b', 'c'] });
  const made = await run([frame], {
    id: 'partitionByValues',
    options: { fields: ['phase'], naming: { asLabels: false } },
  });
  expect(made.map(({ name, fields }) => [name, fields.map((f) => [f.name, f.values])])).toEqual([
    ['Running', [['pod', ['a', 'c']]]],
    ['Failed', [['pod', ['b']]]],
  ]);
});

describe('extractFields', () => {
  const lines = (...text: unknown[]) => table({ line: text, size: text.map((_, index) => index) });
  const extracted = async (frame: DataFrame, options: object) => {
    const [made] = await run([frame], { id: 'extractFields', options: { source: 'line', replace: true, ...options } });
    return made.fields.map(({ name, type, values }) => [name, type, values]);
  };

  test('takes the fields of JSON, or what paths name', async () => {
    const json = lines(
      '{"pod":"a","cpu":1,"spec":{"containers":[{"name":"web"}]}}',
      '{"pod":"b","ready":true}',
      'no JSON'
    );
    expect((await extracted(json, { format: 'json' })).map(([name, type]) => [name, type])).toEqual([
      ['pod', 'string'],
      ['cpu', 'number'],
      ['spec', 'other'],
      ['ready', 'boolean'],
    ]);
    const jsonPaths = [{ path: 'spec.containers[0].name', alias: 'container' }, { path: 'pod' }];
    expect(await extracted(json, { format: 'json', jsonPaths })).toEqual([
      ['container', 'string', ['web', undefined, undefined]],
      ['pod', 'string', ['a', 'b', undefined]],
    ]);
  });

  test('takes pairs, named groups and parts', async () => {
    const pairs = lines('a=1, b:"two words" c=\'x=y\'', '{a="2";d=}');
    const want = [
      ['a', 'string', ['1', '2']],
      ['b', 'string', ['two words', null]],
      ['c', 'string', ['x=y', null]],
      ['d', 'string', [null, '']],
    ];
    expect(await extracted(pairs, { format: 'kvp' })).toEqual(want);
    expect(await extracted(pairs, { format: 'auto' })).toEqual(want);
    expect(await extracted(lines('{"a":1}', 'a=2'), {})).toEqual([['a', 'number', [1, '2']]]);
    expect(
      await extracted(lines('GET /a 200', 'nothing'), { format: 'regexp', regExp: '/(?<verb>[A-Z]+) (?<path>\\S+)/' })
    ).toEqual([
      ['verb', 'string', ['GET', null]],
      ['path', 'string', ['/a', null]],
    ]);
    expect(await extracted(lines('x|y', 'y'), { format: 'delimiter', delimiter: '|' })).toEqual([
      ['x', 'boolean', [true, null]],
      ['y', 'boolean', [true, true]],
    ]);
  });

  test('keeps the other fields, only the time, or none', async () => {
    const frame = table({ Time: [START], line: ['a=1'] });
    const names = async (options: object) =>
      (await run([frame], { id: 'extractFields', options: { source: 'line', ...options } }))[0].fields.map(
        ({ name }) => name
      );
    expect(await names({})).toEqual(['Time', 'line', 'a']);
    expect(await names({ replace: true, keepTime: true })).toEqual(['Time', 'a']);
    expect(await names({ source: 'gone', replace: true })).toEqual(['Time', 'line']);
  });
});

test('joinByLabels makes columns of one label, and rows of the others', async () => {
  const frames = [
    series('t', [10, 200], { what: 'Temp', cluster: 'A', job: 'J1' }),
    series('t', [10, 200], { what: 'Temp', cluster: 'B', job: 'J1' }),
    series('s', [22], { what: 'Speed', cluster: 'B', job: 'J1' }),
    series('x', [1], { other: 'x' }),
  ];
  const [joined] = await run(frames, { id: 'joinByLabels', options: { value: 'what' } });
  expect(rows(joined)).toEqual([
    { cluster: 'A', job: 'J1', Temp: 10, Speed: null },
    { cluster: 'A', job: 'J1', Temp: 200, Speed: null },
    { cluster: 'B', job: 'J1', Temp: 10, Speed: 22 },
    { cluster: 'B', job: 'J1', Temp: 200, Speed: null },
  ]);
  const [few] = await run(frames, { id: 'joinByLabels', options: { value: 'what', join: ['job'] } });
  expect(few.fields.map(({ name }) => name)).toEqual(['job', 'Temp', 'Speed']);
  expect(await run(frames, { id: 'joinByLabels', options: { value: 'none' } })).toHaveLength(4);
});

test('timeSeriesTable makes a row of each series, with its calculation and its values', async () => {
  const frames = [
    series('a', [1, 5, 3], { pod: 'a' }),
    series('b', [2, 2, 4], { pod: 'b' }),
    series('c', [7], {}, 'B'),
    table({ pod: ['x'] }, 'C'),
  ];
  const [first, second, kept] = await run(frames, { id: 'timeSeriesTable', options: { A: { stat: 'max' } } });
  expect(first.fields.map(({ name, type }) => [name, type])).toEqual([
    ['pod', 'string'],
    ['Trend #A', 'frame'],
  ]);
  expect(first.fields[0].values).toEqual(['a', 'b']);
  const cells = first.fields[1].values as DataFrameWithValue[];
  expect(cells.map(({ value, fields }) => [value, fields[1].values])).toEqual([
    [5, [1, 5, 3]],
    [4, [2, 2, 4]],
  ]);
  expect(second.fields.map(({ name, values }) => [name, (values[0] as DataFrameWithValue).value])).toEqual([
    ['Trend #B', 7],
  ]);
  expect(kept.fields[0].values).toEqual(['x']);
  expect(await run(frames, { id: 'timeSeriesTable', options: { A: { mergeSeries: false } } })).toHaveLength(4);
});

test('a disabled transformation does nothing, an unknown one is reported', async () => {
  expect(await run([usage()], { id: 'limit', disabled: true, options: { limitField: 0 } })).toHaveLength(1);
  expect(
    unknownTransformations([
      { id: 'merge', options: {} },
      { id: 'spatial', options: {} },
      { id: 'gone', disabled: true, options: {} },
    ])
  ).toEqual(['spatial']);
});
