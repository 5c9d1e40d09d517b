import type { ComponentType } from 'react';
import type { Panel } from '../dashboard/model';
import { AlertListPanel } from './AlertListPanel';
import { BarChartPanel } from './BarChartPanel';
import { BarGaugePanel } from './BarGaugePanel';
import { DashListPanel } from './DashListPanel';
import { GaugePanel } from './GaugePanel';
import { HeatmapPanel } from './HeatmapPanel';
import { HistogramPanel } from './HistogramPanel';
import { LogsPanel } from './LogsPanel';
import { PieChartPanel } from './PieChartPanel';
import { StatPanel } from './StatPanel';
import { StateTimelinePanel, StatusHistoryPanel } from './StatePanel';
import { TablePanel } from './TablePanel';
import { TextPanel } from './TextPanel';
import { TimeSeriesPanel } from './TimeSeriesPanel';
import { Message } from './shared';
import type { PanelProps } from './types';

const PANELS: Record<string, ComponentType<PanelProps>> = {
  timeseries: TimeSeriesPanel,
  stat: StatPanel,
  gauge: GaugePanel,
  bargauge: BarGaugePanel,
  table: TablePanel,
  piechart: PieChartPanel,
  barchart: BarChartPanel,
  histogram: HistogramPanel,
  heatmap: HeatmapPanel,
  'state-timeline': StateTimelinePanel,
  'status-history': StatusHistoryPanel,
  text: TextPanel,
  dashlist: DashListPanel,
  alertlist: AlertListPanel,
  logs: LogsPanel,
  'library-panel': LibraryPanel,
};

function UnknownPanel({ panel }: PanelProps) {
  return (
    <Message>Panels of type “{panel.type}” cannot be shown here. The rest of the dashboard is not affected.</Message>
  );
}

function LibraryPanel({ panel }: PanelProps) {
  return (
    <Message>
      The library panel “{panel.libraryPanel?.name ?? panel.title}” is not in the dashboard’s file. Export the
      dashboard for sharing, or unlink the panel.
    </Message>
  );
}

export function componentOf(kind: string): ComponentType<PanelProps> {
  return Object.hasOwn(PANELS, kind) ? PANELS[kind] : UnknownPanel;
}

const WITHOUT_DATA = new Set(['text', 'dashlist', 'alertlist', 'library-panel']);

/** Whether a panel has something to show although no query of it found anything. */
export function showsWithoutData({ type, queryable }: Panel): boolean {
  return WITHOUT_DATA.has(type) || (type === 'logs' && !queryable) || !Object.hasOwn(PANELS, type);
}
