import { useEffect, useMemo, useState } from 'react';
import { dateTime, type DataFrame, type TimeRange } from '@grafana/data';
import { DashboardCursorSync } from '@grafana/schema';
import { Alert, Button, IconButton, RefreshPicker, TimeRangePicker, useTheme2 } from '@grafana/ui';
import { rangeOf, shifted, writeRange } from '../dashboard/urlState';
import { configured } from '../dashboard/usePanelFrames';
import type { Panel } from '../dashboard/model';
import { useRefresh } from '../dashboard/useRefresh';
import { useSize } from '../dashboard/useSize';
import { TablePanel } from '../panels/TablePanel';
import { TimeSeriesPanel } from '../panels/TimeSeriesPanel';
import { setQuery, usePlace } from '../router';
import { PromEditor } from './PromEditor';
import { useExplore } from './useExplore';

const HOUR = { from: 'now-1h', to: 'now' };
const WHERE = { id: 0, gridPos: { x: 0, y: 0, w: 24, h: 10 } };
const GRAPH: Panel = {
  ...WHERE,
  type: 'timeseries',
  options: {
    legend: { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] },
    tooltip: { mode: 'single' },
  },
};
const TABLE: Panel = { ...WHERE, type: 'table' };
const plain = (text?: string) => text ?? '';

interface ViewProps {
  panel: Panel;
  data: DataFrame[];
  range: TimeRange;
  timeZone: string;
  height: number;
  onZoom: (range: { from: number; to: number }) => void;
}

function View({ panel, data, range, timeZone, height, onZoom }: ViewProps) {
  const theme = useTheme2();
  const [ref, { width }] = useSize<HTMLDivElement>();
  const frames = useMemo(() => configured(panel, data, plain, theme, timeZone), [panel, data, theme, timeZone]);
  const props = {
    panel,
    frames,
    width,
    height,
    range,
    timeZone,
    sync: DashboardCursorSync.Off,
    marks: [],
    interpolate: plain,
    onZoom,
  };
  return (
    <div className="explore-view">
      <div ref={ref} style={{ height }}>
        {width > 0 && (panel === GRAPH ? <TimeSeriesPanel {...props} /> : <TablePanel {...props} />)}
      </div>
    </div>
  );
}

/** The editors' texts: those of the address, until they are edited. */
function useDrafts(expressions: string[]) {
  const key = JSON.stringify(expressions);
  const [drafts, setDrafts] = useState(expressions);
  useEffect(() => setDrafts(JSON.parse(key) as string[]), [key]);
  const write = (texts: string[]) =>
    setQuery((query) => {
      query.delete('expr');
      texts.forEach((text) => query.append('expr', text));
    });
  return { drafts, setDrafts, write };
}

interface ToolbarProps {
  range: TimeRange;
  timeZone: string;
  onTimeZone: (zone: string) => void;
  interval: string;
  loading: boolean;
  onRun: () => void;
}

function changeRange(raw: TimeRange['raw']): void {
  setQuery((query) => writeRange(query, raw));
}

function zoom({ from, to }: { from: number; to: number }): void {
  changeRange({ from: dateTime(from), to: dateTime(to) });
}

function Toolbar({ range, timeZone, onTimeZone, interval, loading, onRun }: ToolbarProps) {
  return (
    <header className="toolbar">
      <h1 className="toolbar-title">Explore</h1>
      <TimeRangePicker
        value={range}
        timeZone={timeZone}
        onChange={({ raw }) => changeRange(raw)}
        onChangeTimeZone={onTimeZone}
        onMoveBackward={() => changeRange(shifted(range, 'back'))}
        onMoveForward={() => changeRange(shifted(range, 'forward'))}
        onZoom={() => changeRange(shifted(range, 'wider'))}
        isOnCanvas
      />
      <RefreshPicker
        value={interval}
        intervals={['5s', '10s', '30s', '1m']}
        isLoading={loading}
        onRefresh={onRun}
        onIntervalChanged={(chosen) => setQuery((q) => q.set('refresh', chosen), { replace: true })}
        text="Run"
        isOnCanvas
      />
    </header>
  );
}

interface QueryRowProps {
  name: string;
  value: string;
  onChange: (text: string) => void;
  onRun: () => void;
  /** Not there for the only query. */
  onRemove?: () => void;
}

function QueryRow({ name, value, onChange, onRun, onRemove }: QueryRowProps) {
  return (
    <div className="explore-query">
      <span className="quiet">{name}</span>
      <PromEditor label={`Query ${name}`} value={value} onChange={onChange} onRun={onRun} />
      {onRemove && <IconButton name="trash-alt" aria-label={`Remove query ${name}`} onClick={onRemove} />}
    </div>
  );
}

interface ResultsProps {
  result: ReturnType<typeof useExplore>;
  isAsked: boolean;
  range: TimeRange;
  timeZone: string;
}

function Results({ result, isAsked, range, timeZone }: ResultsProps) {
  const place = { range: result.range ?? range, timeZone, onZoom: zoom };
  return (
    <>
      {result.errors.map((error) => (
        <Alert key={error} severity="error" title="The query failed" topSpacing={2}>
          {error}
        </Alert>
      ))}
      {result.notes.map((note) => (
        <p key={note} className="quiet">
          {note}
        </p>
      ))}
      {!isAsked && (
        <p className="quiet">
          Write a query and run it. Panels of dashboards open here too, with “Explore” in their menus.
        </p>
      )}
      {isAsked && !result.loading && !result.errors.length && !result.graph.length && !result.tables.length && (
        <p className="quiet">The query worked and found no series in this time range.</p>
      )}
      {result.graph.length > 0 && <View panel={GRAPH} data={result.graph} height={360} {...place} />}
      {result.tables.length > 0 && <View panel={TABLE} data={result.tables} height={400} {...place} />}
    </>
  );
}

export default function ExplorePage() {
  const { query } = usePlace();
  const asked = query.getAll('expr');
  const expressions = asked.length ? asked : [''];
  const { drafts, setDrafts, write } = useDrafts(expressions);
  const refresh = useRefresh(query.get('refresh') ?? '');
  const [from, to] = [query.get('from') ?? HOUR.from, query.get('to') ?? HOUR.to];
  // eslint-disable-next-line react-hooks/exhaustive-deps -- every refresh moves a range that is relative to now
  const range = useMemo(() => rangeOf(new URLSearchParams({ from, to }), HOUR), [from, to, refresh.count]);
  const [timeZone, setTimeZone] = useState('browser');
  const result = useExplore(asked, range, refresh.count);
  useEffect(() => {
    document.title = 'Explore · diorama';
  }, []);

  const run = () => (JSON.stringify(drafts) === JSON.stringify(expressions) ? refresh.now() : write(drafts));
  return (
    <div className="page">
      <Toolbar
        range={range}
        timeZone={timeZone}
        onTimeZone={setTimeZone}
        interval={refresh.interval}
        loading={result.loading}
        onRun={run}
      />
      {drafts.map((draft, index) => (
        <QueryRow
          key={index}
          name={String.fromCharCode(65 + index)}
          value={draft}
          onChange={(text) => setDrafts((old) => old.map((one, at) => (at === index ? text : one)))}
          onRun={run}
          onRemove={drafts.length > 1 ? () => write(drafts.filter((_, at) => at !== index)) : undefined}
        />
      ))}
      <Button variant="secondary" size="sm" icon="plus" onClick={() => setDrafts((old) => [...old, ''])}>
        Add query
      </Button>
      <Results result={result} isAsked={asked.some((expr) => expr.trim())} range={range} timeZone={timeZone} />
    </div>
  );
}
