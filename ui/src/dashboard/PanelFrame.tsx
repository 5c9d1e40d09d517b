import { useMemo } from 'react';
import { DashboardCursorSync, LoadingState, renderMarkdown, type DataFrame } from '@grafana/data';
import { ErrorBoundaryAlert, PanelChrome } from '@grafana/ui';
import { componentOf, showsWithoutData } from '../panels';
import type { PanelProps } from '../panels/types';
import { EmptyPanel } from './EmptyPanel';
import { useDashboardState } from './context';
import { interpolator } from './interpolate';
import type { Panel } from './model';
import { PanelLinks } from './PanelLinks';
import { PanelMenu } from './PanelMenu';
import { panelRange } from './panelTime';
import { rangeText } from './urlState';
import { marksOf } from './useAnnotations';
import { usePanelFrames } from './usePanelFrames';
import { usePanelQuery, type PanelData } from './usePanelQuery';

interface Props {
  panel: Panel;
  width: number;
  height: number;
  visible: boolean;
}

const NO_FRAMES: DataFrame[] = [];

function hasValues(frames: DataFrame[]): boolean {
  return frames.some((frame) => frame.length > 0 && frame.fields.length > 0);
}

/** Errors of the query and notices of the engine, such as a result that was cut. */
function problems(data: PanelData, failed: string | undefined): string {
  const notices = (data.frames ?? []).flatMap((frame) => frame.schema?.meta?.notices ?? []).map(({ text }) => text);
  return [...new Set([...data.errors, ...(failed ? [failed] : []), ...notices])].join('\n');
}

/** In one word, for who looks at the page from outside. */
function stateOf(panel: Panel, data: PanelData, frames: DataFrame[] | undefined, failed: string | undefined): string {
  if (showsWithoutData(panel)) {
    return 'data';
  }
  if (!panel.queryable) {
    return panel.unsupported ? 'unsupported' : 'empty';
  }
  if (data.loading || (!frames && !data.errors.length && !failed)) {
    return 'loading';
  }
  if (data.errors.length || failed) {
    return 'error';
  }
  return frames && hasValues(frames) ? 'data' : 'empty';
}

function PanelBody({ props, data, ready }: { props: PanelProps; data: PanelData; ready: boolean }) {
  const { panel, frames } = props;
  const Component = componentOf(panel.type);
  if (showsWithoutData(panel)) {
    return <Component {...props} />;
  }
  if (!panel.queryable) {
    return (
      <EmptyPanel
        title={panel.unsupported ? 'Cannot be run here' : 'No data'}
        reasons={[panel.unsupported ?? 'This panel has no query.']}
      />
    );
  }
  if (!ready) {
    return null;
  }
  if (!hasValues(frames)) {
    const reasons = data.errors.length ? data.errors : data.empty.map(({ refId, reason }) => `${refId}: ${reason}`);
    return <EmptyPanel title={data.errors.length ? 'The query failed' : 'No data'} reasons={reasons} />;
  }
  return <Component {...props} />;
}

export function PanelFrame({ panel, width, height, visible }: Props) {
  const { uid, dashboard, resolved, range, timeZone, annotations, refresh, version, onZoom } = useDashboardState();
  const data = usePanelQuery({
    uid,
    panel,
    variables: resolved.values,
    // The engine applies the panel's own range.
    range,
    timeZone,
    visible,
    width,
    refresh: `${refresh}.${version}`,
  });
  const asked = data.range ?? range;
  const { timeFrom, timeShift } = panel;
  const { fiscalYearStartMonth } = dashboard;
  const shownRange = useMemo(
    () => panelRange(asked, { timeFrom, timeShift }, timeZone, fiscalYearStartMonth),
    [asked, timeFrom, timeShift, timeZone, fiscalYearStartMonth]
  );
  const interpolate = useMemo(() => {
    const around = { variables: resolved.variables, scopedVars: panel.scopedVars, ...rangeText(range) };
    return interpolator(around, { from: shownRange.from.valueOf(), to: shownRange.to.valueOf(), timeZone });
  }, [resolved.variables, panel.scopedVars, range, shownRange, timeZone]);
  const marks = useMemo(() => marksOf(annotations, panel), [annotations, panel]);
  const { frames, error, warning } = usePanelFrames(panel, data.frames, interpolate, timeZone);
  const sync: DashboardCursorSync = dashboard.graphTooltip ?? DashboardCursorSync.Off;
  const message = problems(data, error ?? warning);
  const props = { panel, frames: frames ?? NO_FRAMES, range: shownRange, timeZone, sync, marks, interpolate, onZoom };
  const ready = frames !== undefined || data.errors.length > 0 || error !== undefined;

  return (
    <PanelChrome
      title={panel.title ?? ''}
      description={panel.description ? () => renderMarkdown(panel.description) : undefined}
      width={width}
      height={height}
      displayMode={panel.transparent ? 'transparent' : 'default'}
      loadingState={data.loading ? LoadingState.Loading : undefined}
      statusMessage={message || undefined}
      titleItems={<PanelLinks panel={panel} interpolate={interpolate} />}
      menu={() => <PanelMenu panel={panel} queries={data.queries} />}
    >
      {(innerWidth, innerHeight) =>
        innerWidth > 8 &&
        innerHeight > 8 && (
          <ErrorBoundaryAlert>
            <div className="panel-body" data-state={stateOf(panel, data, frames, error)}>
              <PanelBody props={{ ...props, width: innerWidth, height: innerHeight }} data={data} ready={ready} />
            </div>
          </ErrorBoundaryAlert>
        )
      }
    </PanelChrome>
  );
}
