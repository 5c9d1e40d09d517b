import type { TimeRange } from '@grafana/data';
import { Icon, RefreshPicker, TimeRangePicker, ToolbarButton } from '@grafana/ui';
import { Link, setQuery } from '../router';
import { useDashboardState } from './context';
import type { Panel } from './model';
import { shifted, writeRange } from './urlState';
import type { Refresh } from './useRefresh';

const INTERVALS = ['5s', '10s', '30s', '1m', '5m', '15m'];

interface Props {
  refresh: Refresh;
  loading: boolean;
  viewed?: Panel;
  onTimeZone: (zone: string) => void;
}

export function DashboardToolbar({ refresh, loading, viewed, onTimeZone }: Props) {
  const { dashboard, resolved, range, timeZone } = useDashboardState();
  const change = (next: TimeRange['raw']) => setQuery((query) => writeRange(query, next));
  const setInterval = (interval: string) => setQuery((query) => query.set('refresh', interval), { replace: true });
  return (
    <header className="toolbar">
      <h1 className="toolbar-title">
        <Link href="/dashboards">Dashboards</Link>
        <Icon name="angle-right" />
        <span>{resolved.title ?? dashboard.title}</span>
        {viewed && (
          <>
            <Icon name="angle-right" />
            <span>{viewed.title}</span>
          </>
        )}
      </h1>
      {viewed && (
        <ToolbarButton icon="times" variant="canvas" onClick={() => setQuery((query) => query.delete('viewPanel'))}>
          Back to the dashboard
        </ToolbarButton>
      )}
      <TimeRangePicker
        value={range}
        timeZone={timeZone}
        fiscalYearStartMonth={dashboard.fiscalYearStartMonth}
        onChange={({ raw }) => change(raw)}
        onChangeTimeZone={onTimeZone}
        onMoveBackward={() => change(shifted(range, 'back'))}
        onMoveForward={() => change(shifted(range, 'forward'))}
        onZoom={() => change(shifted(range, 'wider'))}
        isOnCanvas
      />
      <RefreshPicker
        value={refresh.interval}
        intervals={dashboard.timepicker?.refresh_intervals ?? INTERVALS}
        isLoading={loading}
        onRefresh={refresh.now}
        onIntervalChanged={setInterval}
        tooltip="Refresh"
        isOnCanvas
      />
      <ToolbarButton
        icon="monitor"
        variant="canvas"
        tooltip="Kiosk: only the panels. Escape leaves it."
        aria-label="Kiosk"
        onClick={() => setQuery((query) => query.set('kiosk', 'true'))}
      />
    </header>
  );
}
