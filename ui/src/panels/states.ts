import {
  FieldType,
  formattedValueToString,
  getFieldDisplayName,
  type DataFrame,
  type Field,
  type TimeRange,
} from '@grafana/data';
import type { LegendEntry } from './legend';
import type { Cell } from './CellChart';

export interface Lane {
  name: string;
  field: Field;
  times: number[];
}

/** The fields that have a state at each time, each with its frame's times. */
export function lanesOf(frames: DataFrame[]): Lane[] {
  return frames.flatMap((frame) => {
    const time = frame.fields.find(({ type }) => type === FieldType.time);
    if (!time) {
      return [];
    }
    return frame.fields
      .filter((field) => field !== time && !field.config.custom?.hideFrom?.viz)
      .map((field) => ({ name: getFieldDisplayName(field, frame, frames), field, times: time.values as number[] }));
  });
}

function stateOf({ display }: Field, value: unknown): { text: string; color: string } {
  const shown = display?.(value);
  return { text: shown ? formattedValueToString(shown) : String(value), color: shown?.color ?? '#808080' };
}

/** The usual distance between times: a value stands for as long. */
export function stepOf(times: number[]): number {
  const steps = times.slice(1).map((time, index) => time - times[index]);
  return steps.length ? steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] : 0;
}

/** A lane's values as cells; equal neighbours become one when merged. A null or a missing sample is a gap. */
export function cellsOf({ field, times }: Lane, lane: number, range: TimeRange, merge: boolean): Cell[] {
  const step = stepOf(times) || range.to.valueOf() - range.from.valueOf();
  const cells: Cell[] = [];
  times.forEach((from, index) => {
    const value: unknown = field.values[index];
    if (value === null || value === undefined) {
      return;
    }
    const { text, color } = stateOf(field, value);
    const last = cells[cells.length - 1];
    if (merge && last?.text === text && last.color === color && from - last.to < step / 2) {
      last.to = from + step;
    } else {
      cells.push({ from, to: from + step, lane, text, color });
    }
  });
  return cells;
}

const MOST_STATES = 8;

/** One legend entry for each state that occurs; none when there are too many to distinguish. */
export function legendOf(cells: Cell[]): LegendEntry[] {
  const states = new Map(cells.map(({ text = '', color }) => [text, color]));
  return states.size > MOST_STATES ? [] : [...states].map(([label, color]) => ({ label, color }));
}
