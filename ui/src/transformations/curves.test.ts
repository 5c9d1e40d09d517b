import { describe, expect, test } from 'vitest';
import { getFieldDisplayName } from '@grafana/data';
import { series, START, MINUTE, table } from '../testing/panel';
import { transformed as run } from '../testing/transformed';
import { smoothed } from './smoothing';

describe('regression', () => {
  test('follows a line through times', async () => {
    const [, curve] = await run([series('cpu', [1, 3, 5, 7])], { id: 'regression', options: { predictionCount: 3 } });
    expect(curve.fields.map(({ name }) => name)).toEqual(['Time', 'cpu predicted']);
    expect(curve.fields[0].values).toEqual([START, START + 1.5 * MINUTE, START + 3 * MINUTE]);
    curve.fields[1].values.forEach((value, index) => expect(value).toBeCloseTo([1, 4, 7][index], 6));
  });

  test('follows a parabola of named fields, gaps left out', async () => {
    const frame = table({ a: [0, 1, 2, 3, null], b: [9, 9, 9, 9, 9], c: [1, 2, 5, 10, 99] });
    const options = { modelType: 'polynomial', degree: 2, predictionCount: 4, xFieldName: 'a', yFieldName: 'c' };
    const [, curve] = await run([frame], { id: 'regression', options });
    curve.fields[1].values.forEach((value, index) => expect(value).toBeCloseTo(index ** 2 + 1, 6));
  });

  test('is level through one point, and nothing through none', async () => {
    const [, level] = await run([series('a', [4])], {
      id: 'regression',
      options: { modelType: 'polynomial', degree: 5, predictionCount: 2 },
    });
    expect(level.fields[1].values).toEqual([4, 4]);
    expect(await run([table({ pod: ['a'] })], { id: 'regression', options: {} })).toHaveLength(1);
  });
});

describe('smoothing', () => {
  const noise = Array.from({ length: 400 }, (_, index) => Math.sin(index / 60) + (index % 2 ? 0.3 : -0.3));

  test('adds copies that are less rough and shorter, and keeps what they follow', async () => {
    const [before, after] = await run([series('cpu', noise)], { id: 'smoothing', options: { resolution: 200 } });
    const steps = (values: number[]) =>
      Math.max(...values.slice(1).map((value, index) => Math.abs(value - values[index])));
    expect(before.fields[1].values).toEqual(noise);
    expect(getFieldDisplayName(after.fields[1], after)).toBe('cpu (smoothed)');
    expect(after.length).toBeLessThanOrEqual(200);
    expect(steps(after.fields[1].values)).toBeLessThan(0.1);
    expect(Math.max(...(after.fields[1].values as number[]))).toBeGreaterThan(0.9);
    const times = after.fields[0].values as number[];
    expect(times[0]).toBeGreaterThanOrEqual(START);
    expect(times.every((time, index) => index === 0 || time > times[index - 1])).toBe(true);
  });

  test('leaves alone what stands out', () => {
    const flat = Array.from({ length: 100 }, (_, index) => (index === 50 ? 100 : 0));
    expect(Math.max(...smoothed(flat, 100).values)).toBe(100);
  });

  test('takes no tables', async () => {
    expect(await run([table({ pod: ['a', 'b'], cpu: [1, 2] })], { id: 'smoothing', options: {} })).toHaveLength(1);
  });
});
