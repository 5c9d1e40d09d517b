import type { DataFrame, InterpolateFunction, TimeRange } from '@grafana/data';
import type { DashboardCursorSync } from '@grafana/schema';
import type { Panel } from '../dashboard/model';
import type { Mark } from './AnnotationMarks';

/** What every panel is given; `options` are the panel's own, completed by it with the defaults of its kind. */
export interface PanelProps {
  panel: Panel;
  frames: DataFrame[];
  width: number;
  height: number;
  range: TimeRange;
  timeZone: string;
  /** What panels of one dashboard share when the pointer is over one: nothing, the crosshair, the tooltip. */
  sync: DashboardCursorSync;
  /** What happened meanwhile. */
  marks: Mark[];
  interpolate: InterpolateFunction;
  onZoom: (range: { from: number; to: number }) => void;
}
