import { createContext, useContext } from 'react';
import type { TimeRange } from '@grafana/data';
import type { AnnotationLayer } from '../api/types';
import type { Dashboard } from './model';
import type { Resolved } from './useDashboard';

/** What all panels of the open dashboard share. */
export interface DashboardState {
  uid: string;
  dashboard: Dashboard;
  resolved: Resolved;
  range: TimeRange;
  timeZone: string;
  annotations: AnnotationLayer[];
  /** Counts the refreshes. */
  refresh: number;
  /** Counts the versions of the file. */
  version: number;
  onZoom: (range: { from: number; to: number }) => void;
}

export const DashboardContext = createContext<DashboardState | undefined>(undefined);

export function useDashboardState(): DashboardState {
  const state = useContext(DashboardContext);
  if (!state) {
    throw new Error('a panel is outside of a dashboard');
  }
  return state;
}
