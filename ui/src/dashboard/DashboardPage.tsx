import { useCallback, useEffect, useMemo, useState } from 'react';
import { dateTime, setWeekStart, type TimeRange } from '@grafana/data';
import { Alert, LoadingPlaceholder } from '@grafana/ui';
import { setQuery, usePlace } from '../router';
import { useDashboard, useResolved, type LoadedDashboard } from './useDashboard';
import { AnnotationSwitches } from './AnnotationSwitches';
import { DashboardContext, type DashboardState } from './context';
import { DashboardToolbar } from './DashboardToolbar';
import { InspectDrawer } from './InspectDrawer';
import type { AnnotationQuery, Dashboard, Panel } from './model';
import { PanelFrame } from './PanelFrame';
import { TabbedGrid } from './TabbedGrid';
import { rangeOf, rangeText, shownZone, variablesOf, writeRange, zoneName } from './urlState';
import { useAnnotations } from './useAnnotations';
import { useRefresh } from './useRefresh';
import { VariablesBar } from './VariablesBar';
import { ViewedPanel } from './ViewedPanel';

const NO_QUERIES: AnnotationQuery[] = [];
const HOUR = { from: 'now-1h', to: 'now' };

function findPanel(panels: Panel[], id: string | null): Panel | undefined {
  return id
    ? panels.flatMap((p) => [p, ...(p.panels ?? [])]).find((p) => `panel-${p.id}` === id || String(p.id) === id)
    : undefined;
}

function useEscape(active: boolean, leave: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (active && event.key === 'Escape' && !event.defaultPrevented && !document.querySelector('[role="dialog"]')) {
        leave();
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [active, leave]);
}

function leaveView(): void {
  setQuery((query) => {
    query.delete(query.has('viewPanel') ? 'viewPanel' : 'kiosk');
  });
}

/** What the address says of a dashboard: its time, its variables. */
function useAsked(dashboard: Dashboard | undefined) {
  const { query } = usePlace();
  const usual = dashboard?.time ?? HOUR;
  const refresh = useRefresh(
    query.get('refresh') ?? (typeof dashboard?.refresh === 'string' ? dashboard.refresh : '')
  );
  const [from, to] = [query.get('from') ?? usual.from, query.get('to') ?? usual.to];
  const [zone, setZone] = useState<string>();
  const { timeZone, unknown: unknownZone } = shownZone(zone ?? query.get('timezone') ?? dashboard?.timezone);
  const { weekStart, fiscalYearStartMonth } = dashboard ?? {};
  const range = useMemo<TimeRange>(
    () => {
      setWeekStart(weekStart);
      return rangeOf(new URLSearchParams({ from, to }), HOUR, timeZone, fiscalYearStartMonth);
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- every refresh moves a range that is relative to now
    [from, to, timeZone, weekStart, fiscalYearStartMonth, refresh.count]
  );
  useEffect(() => () => setWeekStart(''), []);
  const variableText = JSON.stringify(variablesOf(query));
  const values = useMemo(() => JSON.parse(variableText) as Record<string, string[]>, [variableText]);
  const text = rangeText(range);
  const asked = useMemo(
    () => JSON.stringify({ variables: values, from: text.from, to: text.to, timezone: zoneName(timeZone) }),
    [values, text.from, text.to, timeZone]
  );
  return { range, timeZone, unknownZone, setZone, refresh, asked };
}

function useDashboardPage(uid: string) {
  const loaded = useDashboard(uid);
  const { dashboard } = loaded;
  const { range, timeZone, unknownZone, setZone, refresh, asked } = useAsked(dashboard);
  const { resolved, error, loading } = useResolved(uid, loaded, asked);
  const [switched, setSwitched] = useState<Record<string, boolean>>({});
  const onSwitch = (name: string, on: boolean) => setSwitched((old) => ({ ...old, [name]: on }));
  const queries = dashboard?.annotations?.list ?? NO_QUERIES;
  const annotations = useAnnotations(uid, queries, asked, switched, `${refresh.count}.${loaded.version}`);

  useEffect(() => {
    document.title = `${resolved?.title ?? dashboard?.title ?? 'Dashboard'} · diorama`;
  }, [resolved?.title, dashboard?.title]);

  const onZoom = useCallback((zoomed: { from: number; to: number }) => {
    setQuery((q) => writeRange(q, { from: dateTime(zoomed.from), to: dateTime(zoomed.to) }));
  }, []);
  const state = useMemo<DashboardState | undefined>(
    () =>
      dashboard &&
      resolved && {
        uid,
        dashboard,
        resolved,
        range,
        timeZone,
        annotations,
        refresh: refresh.count,
        version: loaded.version,
        onZoom,
      },
    [uid, dashboard, resolved, range, timeZone, annotations, refresh.count, loaded.version, onZoom]
  );
  const switches = { queries, layers: annotations, switched, onSwitch };
  return { loaded, state, error, loading, refresh, unknownZone, setZone, switches };
}

/** What is shown while there is no dashboard, or none that can be shown. */
function WithoutDashboard({ loaded, error }: { loaded: LoadedDashboard; error?: string }) {
  if (loaded.error && !loaded.dashboard) {
    return (
      <div className="page">
        <Alert
          severity="error"
          title={loaded.missing ? 'There is no such dashboard' : 'The dashboard cannot be loaded'}
        >
          <p>{loaded.error}</p>
          <a href="/dashboards">All dashboards</a>
        </Alert>
      </div>
    );
  }
  return error ? (
    <div className="page">
      <Alert severity="error" title="The dashboard cannot be shown">
        {error}
      </Alert>
    </div>
  ) : (
    <LoadingPlaceholder text="Loading" />
  );
}

export function DashboardPage({ uid }: { uid: string }) {
  const { query } = usePlace();
  const { loaded, state, error, loading, refresh, unknownZone, setZone, switches } = useDashboardPage(uid);
  const viewed = findPanel(state?.resolved.panels ?? [], query.get('viewPanel'));
  const inspected = findPanel(state?.resolved.panels ?? [], query.get('inspect'));
  const kiosk = query.has('kiosk');
  useEscape(kiosk || viewed !== undefined, leaveView);

  if (!state) {
    return <WithoutDashboard loaded={loaded} error={error} />;
  }
  return (
    <DashboardContext.Provider value={state}>
      <div className="dashboard">
        {!kiosk && <DashboardToolbar refresh={refresh} loading={loading} viewed={viewed} onTimeZone={setZone} />}
        {!kiosk && (
          <VariablesBar
            variables={state.resolved.variables}
            links={state.resolved.links ?? state.dashboard.links ?? []}
          >
            <AnnotationSwitches {...switches} />
          </VariablesBar>
        )}
        {error && (
          <Alert severity="error" title="Variables and panels cannot be brought up to date">
            {error}
          </Alert>
        )}
        {unknownZone && (
          <Alert severity="warning" title={`The time zone ${unknownZone} is not known`}>
            Times are in the time zone of this browser.
          </Alert>
        )}
        {viewed ? (
          <ViewedPanel>{(size) => <PanelFrame panel={viewed} {...size} visible />}</ViewedPanel>
        ) : (
          <TabbedGrid panels={state.resolved.panels} />
        )}
      </div>
      {inspected && <InspectDrawer key={inspected.id} panel={inspected} />}
    </DashboardContext.Provider>
  );
}
