import { map } from 'rxjs';
import { FieldType, getFieldDisplayName, type DataFrame, type DataTransformerInfo, type Field } from '@grafana/data';

interface Options {
  modelType?: 'linear' | 'polynomial';
  degree?: number;
  /** How many points the curve has. */
  predictionCount?: number;
  xFieldName?: string;
  yFieldName?: string;
}

/** Solves a system of linear equations, whose rows end with their right side, by elimination with pivots. */
function solve(rows: number[][]): number[] | undefined {
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    const pivot = rows
      .slice(column)
      .reduce(
        (best, row, index) => (Math.abs(row[column]) > Math.abs(rows[best][column]) ? column + index : best),
        column
      );
    if (Math.abs(rows[pivot][column]) < 1e-12) {
      return undefined;
    }
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    for (let row = 0; row < size; row++) {
      if (row !== column) {
        const factor = rows[row][column] / rows[column][column];
        rows[row] = rows[row].map((value, index) => value - factor * rows[column][index]);
      }
    }
  }
  return rows.map((row, index) => row[size] / row[index]);
}

/** The polynomial with the least squares, as its value at x; of a lower degree where there are too few points. */
function fitted(points: Array<[number, number]>, degree: number): ((x: number) => number) | undefined {
  const xs = points.map(([x]) => x);
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  // Times are large: their powers would drown their differences.
  const scaled = (x: number) => (high > low ? (2 * (x - low)) / (high - low) - 1 : 0);
  const size = Math.min(degree, new Set(xs).size - 1) + 1;
  const powers = (x: number, count: number) => Array.from({ length: count }, (_, power) => scaled(x) ** power);
  const sums = new Array<number>(2 * size - 1).fill(0);
  const right = new Array<number>(size).fill(0);
  for (const [x, y] of points) {
    powers(x, sums.length).forEach((value, power) => (sums[power] += value));
    powers(x, size).forEach((value, power) => (right[power] += value * y));
  }
  const factors = solve(right.map((value, row) => [...sums.slice(row, row + size), value]));
  return factors && ((x) => factors.reduce((sum, factor, power) => sum + factor * scaled(x) ** power, 0));
}

function fieldOf(frame: DataFrame, name: string | undefined, otherwise: (field: Field) => boolean): Field | undefined {
  return frame.fields.find((field) =>
    name ? field.name === name || getFieldDisplayName(field, frame) === name : otherwise(field)
  );
}

/** Adds a curve, in a frame of its own, that follows one field over another. */
function regression(
  frames: DataFrame[],
  { modelType = 'linear', degree = 2, predictionCount = 100, xFieldName, yFieldName }: Options
): DataFrame[] {
  for (const frame of frames) {
    const isNumber = ({ type }: Field) => type === FieldType.number;
    const x =
      fieldOf(frame, xFieldName, ({ type }) => type === FieldType.time) ??
      frame.fields.find((field) => !xFieldName && isNumber(field));
    const y = fieldOf(frame, yFieldName, (field) => field !== x && isNumber(field));
    if (!x || !y) {
      continue;
    }
    const points = x.values
      .map((value, row): [number, number] => [value as number, y.values[row] as number])
      .filter((point) => point.every(Number.isFinite));
    const curve = points.length ? fitted(points, modelType === 'linear' ? 1 : degree) : undefined;
    if (!curve) {
      continue;
    }
    const xs = points.map(([at]) => at);
    const [low, high] = [Math.min(...xs), Math.max(...xs)];
    const count = Math.max(2, predictionCount);
    const at = Array.from({ length: count }, (_, index) => low + ((high - low) * index) / (count - 1));
    const fields: Field[] = [
      { name: x.name, type: x.type, config: x.config, values: at },
      {
        name: `${getFieldDisplayName(y, frame)} predicted`,
        type: FieldType.number,
        config: { ...y.config, displayName: undefined, displayNameFromDS: undefined },
        values: at.map(curve),
      },
    ];
    return [
      ...frames,
      { name: `${modelType === 'linear' ? 'Linear' : 'Polynomial'} regression`, fields, length: count },
    ];
  }
  return frames;
}

export const regressionTransformer: DataTransformerInfo<Options> = {
  id: 'regression',
  name: 'Regression analysis',
  defaultOptions: { modelType: 'linear', degree: 2, predictionCount: 100 },
  operator: (options) => (source) => source.pipe(map((frames) => regression(frames, options))),
};
