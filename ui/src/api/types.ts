// The answers of diorama's API, as docs/web-api.md describes them.
import type { DataFrameJSON } from '@grafana/data';
import type { Dashboard, DashboardLink, Panel } from '../dashboard/model';

export type VariableValues = Record<string, string[]>;

export interface SearchHit {
  uid: string;
  title: string;
  url: string;
  tags: string[];
  folderTitle?: string;
}

export interface DashboardAnswer {
  meta: { url?: string; slug?: string; folderTitle?: string };
  dashboard: Dashboard;
}

interface VariableOption {
  text: string;
  value: string;
}

export interface Variable {
  name: string;
  label: string;
  type: string;
  hide: number;
  multi: boolean;
  includeAll: boolean;
  current: { text: string[]; value: string[] };
  options: VariableOption[];
  /** The author's own value for All, while All is chosen. */
  allValue?: string;
  allowCustomValue?: boolean;
  description?: string;
  error?: string;
}

export interface VariablesAnswer {
  variables: Variable[];
}

export interface PanelsAnswer {
  panels: Panel[];
  title?: string;
  links?: DashboardLink[];
}

interface QueryResult {
  status: number;
  frames?: DataFrameJSON[];
  error?: string;
}

export interface SentQuery {
  refId: string;
  expr: string;
  step: string;
  type: string;
  took: string;
}

export interface EmptyReason {
  refId: string;
  reason: string;
}

export interface QueryAnswer {
  results: Record<string, QueryResult>;
  queries?: SentQuery[];
  empty?: EmptyReason[];
}

export interface Annotation {
  /** Milliseconds since 1970; what is at one moment ends when it begins. */
  time: number;
  timeEnd: number;
  title?: string;
  text: string;
  tags: string[];
}

/** One of a dashboard's annotation queries, and what it found. */
export interface AnnotationLayer {
  name: string;
  enabled: boolean;
  color: string;
  /** The panels it is shown on: all without ids, else those, or all but those. */
  filter: { exclude: boolean; ids: number[] };
  annotations: Annotation[];
  error?: string;
}

export interface AnnotationsAnswer {
  layers: AnnotationLayer[];
}

export interface FileError {
  file: string;
  line?: number;
  column?: number;
  message: string;
}

export type LiveMessage =
  | { type: 'hello'; errors?: FileError[] | null }
  /** Of the page's own making: the connection is back, and what changed meanwhile was not heard. */
  | { type: 'back' }
  | { type: 'dashboard' | 'removed'; uid: string }
  | ({ type: 'error' } & FileError)
  | { type: 'ok'; file: string };

export interface KubernetesEvent {
  id: number;
  namespace?: string;
  kind?: string;
  name?: string;
  node?: string;
  reason?: string;
  type?: string;
  message: string;
  count: number;
  lastTime: string;
}

export interface EventsAnswer {
  events: KubernetesEvent[];
  nextCursor?: string;
}
