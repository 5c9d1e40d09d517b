import { useCallback, useEffect, useState } from 'react';
import { ApiError, get, isAbort, post } from '../api/client';
import { useLive } from '../api/live';
import type {
  DashboardAnswer,
  LiveMessage,
  PanelsAnswer,
  Variable,
  VariablesAnswer,
  VariableValues,
} from '../api/types';
import type { Dashboard, DashboardLink, Panel } from './model';

export interface LoadedDashboard {
  dashboard?: Dashboard;
  error?: string;
  missing?: boolean;
  /** Counts the versions that were loaded. */
  version: number;
}

/** A dashboard, loaded anew whenever its file changes, or may have. */
export function useDashboard(uid: string): LoadedDashboard {
  const [state, setState] = useState<LoadedDashboard>({ version: 0 });
  const [wanted, setWanted] = useState(0);
  const onLive = useCallback(
    (message: LiveMessage) => {
      const mine = (message.type === 'dashboard' || message.type === 'removed') && message.uid === uid;
      if (mine || message.type === 'back') {
        setWanted((n) => n + 1);
      }
    },
    [uid]
  );
  useLive(onLive);
  useEffect(() => {
    const abort = new AbortController();
    get<DashboardAnswer>(`/api/dashboards/uid/${encodeURIComponent(uid)}`, abort.signal).then(
      ({ dashboard }) => setState({ dashboard, version: wanted }),
      (error: Error) => {
        if (!isAbort(error)) {
          setState({
            error: error.message,
            missing: error instanceof ApiError && error.status === 404,
            version: wanted,
          });
        }
      }
    );
    return () => abort.abort();
  }, [uid, wanted]);
  return state;
}

export interface Resolved {
  variables: Variable[];
  values: VariableValues;
  panels: Panel[];
  title?: string;
  links?: DashboardLink[];
}

export interface ResolvedState {
  resolved?: Resolved;
  error?: string;
  loading: boolean;
}

/**
 * Variables with their options, and the panels that come of them, for what `body`, as JSON, asks. Both arrive
 * together, so that no panel asks twice.
 */
export function useResolved(uid: string, loaded: LoadedDashboard, body: string): ResolvedState {
  const [state, setState] = useState<ResolvedState>({ loading: true });
  const ready = loaded.dashboard !== undefined;
  useEffect(() => {
    if (!ready) {
      return;
    }
    const abort = new AbortController();
    const base = `/api/diorama/v1/dashboards/${encodeURIComponent(uid)}`;
    const asked: unknown = JSON.parse(body);
    setState((old) => ({ ...old, loading: true }));
    Promise.all([
      post<VariablesAnswer>(`${base}/variables`, asked, abort.signal),
      post<PanelsAnswer>(`${base}/panels`, asked, abort.signal),
    ]).then(
      ([{ variables }, answer]) => {
        const current = Object.fromEntries((variables ?? []).map((v) => [v.name, v.current.value]));
        setState({ resolved: { ...answer, variables: variables ?? [], values: current }, loading: false });
      },
      (error: Error) => isAbort(error) || setState((old) => ({ ...old, error: error.message, loading: false }))
    );
    return () => abort.abort();
  }, [uid, ready, loaded.version, body]);
  return state;
}
