import { lastValueFrom } from 'rxjs';
import { expect, test } from 'vitest';
import { getFieldDisplayName, transformDataFrame, type DataFrame, type DataTransformerConfig } from '@grafana/data';
import { series, START, MINUTE, table } from '../testing/panel';
import { unknownTransformations } from '.';

const interpolate = (text?: string) => text ?? '';

function run(frames: DataFrame[], ...configs: DataTransformerConfig[]): Promise<DataFrame[]> {
  return lastValueFrom(transformDataFrame(configs, frames, { interpolate }));
}

/** The rows of a frame under their names, so that a test can be read. */
function rows(frame: DataFrame): Array<Record<string, unknown>> {
  return Array.from({ length: frame.length }, (_, row) => Object.fromEntries(frame.fields.map((f) => [getFieldDisplayName(f, frame), f.values[row]])));
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
    { id: 'organize', options: { excludeByName: {}, indexByName: { 'Value #B': 0, pod: 1, 'Value #A': 2 }, renameByName: { 'Value #A': 'Used', 'Value #B': 'Limit' } } }
  );
  expect(merged.fields.map((field) => getFieldDisplayName(field, merged))).toEqual(['Limit', 'pod', 'Used']);
  expect(rows(merged)).toEqual([
    { pod: 'a', Used: 1, Limit: 8 },
    { pod: 'b', Used: 2, Limit: 4 },
  ]);
});

test('reduce', async () => {
  const [reduced] = await run([series('a', [1, 5, 3]), series('b', [2, 2, 2])], { id: 'reduce', options: { reducers: ['max', 'lastNotNull'] } });
  expect(rows(reduced)).toEqual([
    { Field: 'a', Max: 5, 'Last *': 3 },
    { Field: 'b', Max: 2, 'Last *': 2 },
  ]);
});

test('groupBy', async () => {
  const options = { fields: { node: { operation: 'groupby', aggregations: [] }, cpu: { operation: 'aggregate', aggregations: ['sum'] } } };
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
  const [sorted] = await run([usage()], { id: 'sortBy', options: { sort: [{ field: 'Value #A', desc: true }] } }, { id: 'limit', options: { limitField: 1 } });
  expect(rows(sorted)).toEqual([{ pod: 'b', 'Value #A': 2 }]);
});

test('labelsToFields', async () => {
  const [made] = await run([series('cpu', [7], { namespace: 'shop', pod: 'a' })], { id: 'labelsToFields', options: {} });
  expect(rows(made)).toEqual([{ Time: START, namespace: 'shop', pod: 'a', Value: 7 }]);
});

test('renameByRegex', async () => {
  const [renamed] = await run([usage()], { id: 'renameByRegex', options: { regex: 'Value #(.*)', renamePattern: 'Query $1' } });
  expect(renamed.fields.map((field) => getFieldDisplayName(field, renamed))).toEqual(['pod', 'Query A']);
});

test('seriesToRows', async () => {
  const [made] = await run([series('a', [1]), series('b', [2])], { id: 'seriesToRows', options: {} });
  expect(rows(made).map(({ Metric, Value }) => [Metric, Value]).sort()).toEqual([['a', 1], ['b', 2]]);
});

test('convertFieldType and concatenate', async () => {
  const [made] = await run(
    [usage(), table({ size: ['10'] }, 'B')],
    { id: 'convertFieldType', options: { conversions: [{ targetField: 'size', destinationType: 'number' }] } },
    { id: 'concatenate', options: {} }
  );
  expect(made.fields.map(({ name, type }) => [name, type])).toEqual([['pod', 'string'], ['Value #A', 'number'], ['size', 'number']]);
  expect(made.fields[2].values[0]).toBe(10);
});

test('configFromData takes max, unit and a threshold from one query for the others', async () => {
  const config = table({ quota: [40], Unit: ['bytes'], warn: [30] }, 'config');
  const options = { configRefId: 'config', mappings: [{ fieldName: 'quota', handlerKey: 'max' }, { fieldName: 'warn', handlerKey: 'threshold1' }] };
  const made = await run([series('used', [10]), config], { id: 'configFromData', options });
  expect(made).toHaveLength(1);
  const [time, value] = made[0].fields;
  expect(value.config).toMatchObject({ max: 40, unit: 'bytes', displayNameFromDS: 'used' });
  expect(value.config.thresholds?.steps).toEqual([{ value: -Infinity, color: 'green' }, { value: 30, color: 'red' }]);
  expect(time.config.max).toBeUndefined();
});

test('configFromData applies to what it is told to, and makes value mappings', async () => {
  const config = table({ code: [0, 1], word: ['down', 'up'], shade: ['red', 'green'] }, 'config');
  const mappings = [['code', 'mappings.value'], ['word', 'mappings.text'], ['shade', 'mappings.color']].map(([fieldName, handlerKey]) => ({ fieldName, handlerKey }));
  const applyTo = { id: 'byName', options: 'b' };
  const [a, b] = await run([series('a', [1]), series('b', [1]), config], { id: 'configFromData', options: { configRefId: 'config', mappings, applyTo } });
  expect(a.fields[1].config.mappings).toBeUndefined();
  expect(b.fields[1].config.mappings).toEqual([
    { type: 'value', options: { 0: { text: 'down', color: 'red', index: 0 }, 1: { text: 'up', color: 'green', index: 1 } } },
  ]);
});

test('rowsToFields makes a field of each row, with config and labels from the other columns', async () => {
  const [made] = await run([table({ node: ['n1', 'n2'], used: [3, 5], Max: [8, 16], zone: ['a', 'b'] })], { id: 'rowsToFields', options: {} });
  expect(made.fields.map(({ name, values, config, labels }) => [name, values[0], config.max, labels?.zone])).toEqual([['n1', 3, 8, 'a'], ['n2', 5, 16, 'b']]);
});

test('prepareTimeSeries makes series of a long frame', async () => {
  const long = table({ Time: [START, START, START + MINUTE], pod: ['a', 'b', 'a'], cpu: [1, 2, 3] });
  const many = await run([long], { id: 'prepareTimeSeries', options: { format: 'multi' } });
  expect(many.map(({ fields }) => [fields[1].labels, fields[1].values])).toEqual([[{ pod: 'a' }, [1, 3]], [{ pod: 'b' }, [2]]]);
  const [wide] = await run([long], { id: 'prepareTimeSeries', options: { format: 'wide' } });
  expect(wide.fields.map(({ values }) => [...values])).toEqual([[START, START + MINUTE], [1, 3], [2, undefined]]);
});

test('partitionByValues', async () => {
  const frame = table({ phase: ['Running', 'Failed', 'Running'], pod: ['a', 'b', 'c'] });
  const made = await run([frame], { id: 'partitionByValues', options: { fields: ['phase'], naming: { asLabels: false } } });
  expect(made.map(({ name, fields }) => [name, fields.map((f) => [f.name, f.values])])).toEqual([
    ['Running', [['pod', ['a', 'c']]]],
    ['Failed', [['pod', ['b']]]],
  ]);
});

test('a disabled transformation does nothing, an unknown one is told', async () => {
  expect(await run([usage()], { id: 'limit', disabled: true, options: { limitField: 0 } })).toHaveLength(1);
  expect(unknownTransformations([{ id: 'merge', options: {} }, { id: 'regression', options: {} }, { id: 'spatial', disabled: true, options: {} }])).toEqual(['regression']);
});
