// The parts of Grafana's classic dashboard JSON that the page reads.
import type { DataTransformerConfig, FieldConfigSource, ScopedVars } from '@grafana/data';

export interface GridPos {
  x: number;
  y: number;
  w: number;
  h: number;
}

interface DataSourceRef {
  type?: string;
  uid?: string;
}

interface Target {
  refId: string;
  expr?: string;
  hide?: boolean;
}

export interface DashboardLink {
  type?: string;
  title?: string;
  url?: string;
  tags?: string[];
  tooltip?: string;
  icon?: string;
  asDropdown?: boolean;
  includeVars?: boolean;
  keepTime?: boolean;
  targetBlank?: boolean;
}

/** What a panel's kind reads from `options`; each panel narrows it to its own. */
export type PanelOptions = Record<string, unknown>;

export interface Panel {
  id: number;
  /** The id in the dashboard's JSON, of which a repeated panel is a copy. */
  sourceId?: number;
  queryable?: boolean;
  /** Why nothing of this panel can be run here. */
  unsupported?: string;
  type: string;
  title?: string;
  description?: string;
  transparent?: boolean;
  gridPos: GridPos;
  collapsed?: boolean;
  /** A row that is a tab, of a dashboard in the v2 form. */
  tab?: boolean;
  panels?: Panel[];
  targets?: Target[];
  datasource?: DataSourceRef | string | null;
  options?: PanelOptions;
  fieldConfig?: FieldConfigSource;
  transformations?: DataTransformerConfig[];
  /** What the panel is a copy of; its model is filled in where the file has it. */
  libraryPanel?: { name?: string; uid?: string };
  links?: DashboardLink[];
  scopedVars?: ScopedVars;
  maxDataPoints?: number | null;
  interval?: string | null;
  timeFrom?: string | null;
  timeShift?: string | null;
  hideTimeOverride?: boolean;
}

/** An annotation query, as far as its switch needs it. */
export interface AnnotationQuery {
  name: string;
  enable?: boolean;
  /** Hides the switch. */
  hide?: boolean;
  builtIn?: number;
}

export interface Dashboard {
  uid: string;
  title: string;
  tags?: string[];
  timezone?: string;
  /** The first day of a week, in English; the browser's where it is none. */
  weekStart?: string;
  /** The month that a fiscal year begins with, counted from 0. */
  fiscalYearStartMonth?: number;
  time?: { from: string; to: string };
  refresh?: string | boolean;
  graphTooltip?: number;
  links?: DashboardLink[];
  panels?: Panel[];
  annotations?: { list?: AnnotationQuery[] };
  timepicker?: { refresh_intervals?: string[]; hidden?: boolean };
  version?: number;
}
