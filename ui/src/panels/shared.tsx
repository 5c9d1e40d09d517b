import type { ReactNode } from 'react';
import { TooltipDisplayMode } from '@grafana/schema';

/** The key under which Grafana's own graphs share their crosshair. */
export const CROSSHAIR = '__global_';

/** Text in the middle of a panel that has nothing to draw. */
export function Message({ children }: { children: ReactNode }) {
  return <div className="panel-message">{children}</div>;
}

/** TooltipPlugin2's numbers: one x with the nearest series, or one x with all of them. */
export function hoverMode(mode: TooltipDisplayMode): 0 | 1 {
  return mode === TooltipDisplayMode.Multi ? 1 : 0;
}
