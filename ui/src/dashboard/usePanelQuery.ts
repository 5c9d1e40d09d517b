import { useEffect, useRef, useState } from 'react';
import type { DataFrameJSON, TimeRange } from '@grafana/data';
import { isAbort, post } from '../api/client';
import type { EmptyReason, QueryAnswer, SentQuery, VariableValues } from '../api/types';
import type { Panel } from './model';
import { rangeText, zoneName } from './urlState';

export interface PanelData {
  frames?: DataFrameJSON[];
  /** The range that the frames were asked for; axes must not run ahead of them. */
  range?: TimeRange;
  errors: string[];
  empty: EmptyReason[];
  queries: SentQuery[];
  loading: boolean;
}

export interface QueryWanted {
  uid: string;
  panel: Panel;
  variables: VariableValues;
  range: TimeRange;
  timeZone: string;
  /** Panels that nobody sees ask nothing. */
  visible: boolean;
  width: number;
  /** Changes with every wish to ask again. */
  refresh: string;
}

const NOTHING: PanelData = { errors: [], empty: [], queries: [], loading: false };

function dataOf(answer: QueryAnswer, range: TimeRange): PanelData {
  const results = Object.entries(answer.results);
  return {
    frames: results.flatMap(([, result]) => result.frames ?? []),
    range,
    errors: results.filter(([, r]) => r.error).map(([refId, r]) => `${refId}: ${r.error}`),
    empty: answer.empty ?? [],
    queries: answer.queries ?? [],
    loading: false,
  };
}

/** The address and the body of a panel's question. */
function questionOf({ uid, panel, variables, range, timeZone }: QueryWanted, points: number) {
  const path = `/api/diorama/v1/dashboards/${encodeURIComponent(uid)}/panels/${panel.sourceId ?? panel.id}/query`;
  const body = {
    variables,
    scopedVars: panel.scopedVars ?? {},
    ...rangeText(range),
    maxDataPoints: points,
    intervalMs: 0,
    timezone: zoneName(timeZone),
  };
  return { path, body };
}

export function usePanelQuery(wanted: QueryWanted): PanelData {
  const { panel, range, visible, width, refresh } = wanted;
  const [data, setData] = useState<PanelData>(NOTHING);
  // A few pixels more are no reason to ask again.
  const points = Math.max(100, Math.round(width / 100) * 100);
  const asked = useRef('');
  const { path, body } = questionOf(wanted, points);
  const wish = JSON.stringify([path, body, panel.targets, refresh]);

  useEffect(() => {
    if (!visible || !panel.queryable || asked.current === wish) {
      return;
    }
    const abort = new AbortController();
    let answered = false;
    asked.current = wish;
    setData((old) => ({ ...old, loading: true }));
    post<QueryAnswer>(path, body, abort.signal).then(
      (answer) => {
        answered = true;
        setData(dataOf(answer, range));
      },
      (error: Error) => isAbort(error) || setData({ ...NOTHING, errors: [error.message] })
    );
    return () => {
      abort.abort();
      // What was answered need not be asked again when the panel comes back into view.
      if (!answered) {
        asked.current = '';
      }
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the wish says all that the question depends on
  }, [wish, visible, panel.queryable]);

  return data;
}
