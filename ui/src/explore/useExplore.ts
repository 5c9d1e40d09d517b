import { useEffect, useState } from 'react';
import type { DataFrame, TimeRange } from '@grafana/data';
import { isAbort } from '../api/client';
import { MOST_SERIES, queryInstant, queryRange, type Asked, type Result } from './prometheus';

export interface Explored {
  graph: DataFrame[];
  tables: DataFrame[];
  range?: TimeRange;
  errors: string[];
  notes: string[];
  loading: boolean;
}

const NOTHING: Explored = { graph: [], tables: [], errors: [], notes: [], loading: false };

function notesOf(asked: Asked, { series, warnings }: Result): string[] {
  const cut = series > MOST_SERIES ? [`${asked.refId}: the graph shows ${MOST_SERIES} of ${series} series`] : [];
  return [...cut, ...warnings.map((warning) => `${asked.refId}: ${warning}`)];
}

/** Runs every expression over the range and at its end. */
export function useExplore(expressions: string[], range: TimeRange, count: number): Explored {
  const [state, setState] = useState<Explored>(NOTHING);
  const key = JSON.stringify(expressions);
  useEffect(() => {
    const asked = (JSON.parse(key) as string[])
      .map((expr, index): Asked => ({
        expr,
        refId: String.fromCharCode(65 + index),
        from: range.from.valueOf(),
        to: range.to.valueOf(),
        points: 600,
      }))
      .filter(({ expr }) => expr.trim());
    if (!asked.length) {
      setState(NOTHING);
      return;
    }
    const abort = new AbortController();
    setState((old) => ({ ...old, loading: true }));
    const run = async () => {
      const ranges = await Promise.allSettled(asked.map((one) => queryRange(one, abort.signal)));
      const instants = await Promise.allSettled(asked.map((one) => queryInstant(one, abort.signal)));
      const failed = [...ranges, ...instants]
        .filter((r) => r.status === 'rejected')
        .map(({ reason }) => reason as Error);
      if (failed.some(isAbort)) {
        return;
      }
      const good = (list: PromiseSettledResult<Result>[]) =>
        list.flatMap((r) => (r.status === 'fulfilled' ? r.value.frames : []));
      setState({
        graph: good(ranges),
        tables: good(instants).filter(({ length }) => length > 0),
        range,
        errors: [...new Set(failed.map(({ message }) => message))],
        notes: ranges.flatMap((r, index) => (r.status === 'fulfilled' ? notesOf(asked[index], r.value) : [])),
        loading: false,
      });
    };
    void run();
    return () => abort.abort();
  }, [key, range, count]);
  return state;
}
