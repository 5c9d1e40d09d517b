import { dateMath, rangeUtil, type TimeRange } from '@grafana/data';
import type { Panel } from './model';

type OwnTime = Pick<Panel, 'timeFrom' | 'timeShift'>;

/**
 * Applies a panel's own time: `timeFrom` takes the place of a range that is relative to now, `timeShift` moves
 * whatever range there is. The engine reports those that are invalid; here they count for nothing.
 */
export function panelRange(
  range: TimeRange,
  { timeFrom, timeShift }: OwnTime,
  timeZone?: string,
  fiscalYearStartMonth?: number
): TimeRange {
  let result = range;
  if (timeFrom) {
    const { from: first, to: last, invalid } = rangeUtil.describeTextRange(timeFrom);
    const parse = (text: string) => dateMath.parse(text, undefined, timeZone, fiscalYearStartMonth);
    const [from, to] = [parse(first), parse(last)];
    if (invalid || !from || !to) {
      return range;
    }
    if (rangeUtil.isRelativeTimeRange(range.raw)) {
      result = { from, to, raw: { from: first, to: last } };
    }
  }
  if (timeShift && !rangeUtil.describeTextRange(timeShift).invalid) {
    const from = dateMath.parseDateMath(`-${timeShift}`, result.from, false);
    const to = dateMath.parseDateMath(`-${timeShift}`, result.to, true);
    if (from && to) {
      return { from, to, raw: { from, to } };
    }
  }
  return result;
}

/** What of a panel's own time counts, for people. */
export function ownTimeText(range: TimeRange, { timeFrom, timeShift }: OwnTime): string {
  const counts = timeFrom && rangeUtil.isRelativeTimeRange(range.raw);
  return [counts && `last ${timeFrom}`, timeShift && `${timeShift} earlier`].filter(Boolean).join(', ');
}
