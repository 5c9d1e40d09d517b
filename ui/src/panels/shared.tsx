import type { ReactNode } from 'react';
import { TooltipDisplayMode } from '@grafana/schema';
import { measureText } from '@grafana/ui';

/** The key under which Grafana's own graphs share their crosshair. */
export const CROSSHAIR = '__global_';

/** Text in the middle of a panel that has nothing to draw. */
export function Message({ children }: { children: ReactNode }) {
  return <div className="panel-message">{children}</div>;
}

/** A text, cut where there is no room for all of it; empty where there is room for nothing. */
export function fitting(text: string, room: number, fontSize: number): string {
  const { width } = measureText(text, fontSize);
  if (width <= room) {
    return text;
  }
  const letters = Math.floor((text.length * room) / width) - 1;
  return letters > 1 ? `${text.slice(0, letters)}…` : '';
}

/** TooltipPlugin2's numbers: one x with the nearest series, or one x with all of them. */
export function hoverMode(mode: TooltipDisplayMode): 0 | 1 {
  return mode === TooltipDisplayMode.Multi ? 1 : 0;
}
