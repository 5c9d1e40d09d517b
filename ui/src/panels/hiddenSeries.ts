import { useCallback, useMemo, useState } from 'react';
import { DashboardCursorSync, EventBusSrv, FieldType, getFieldDisplayName, type DataFrame } from '@grafana/data';
import { SeriesVisibilityChangeMode, type PanelContext } from '@grafana/ui';

/** One bus for all panels: the shared crosshair travels over it. */
const crosshairBus = new EventBusSrv();

function seriesNames(frames: DataFrame[]): string[] {
  return frames.flatMap((frame) =>
    frame.fields
      .filter(({ type }) => type === FieldType.number)
      .map((field) => getFieldDisplayName(field, frame, frames))
  );
}

/** What clicking a legend label hides: alone it isolates or restores, with a key held it toggles. */
export function toggledSeries(
  hidden: ReadonlySet<string>,
  all: string[],
  labels: string[],
  mode: SeriesVisibilityChangeMode
): ReadonlySet<string> {
  if (mode === SeriesVisibilityChangeMode.AppendToSelection) {
    const next = new Set(hidden);
    labels.forEach((label) => next.delete(label) || next.add(label));
    return next;
  }
  const others = all.filter((name) => !labels.includes(name));
  const isolated = hidden.size === others.length && others.every((name) => hidden.has(name));
  return isolated ? new Set() : new Set(others);
}

function hide(frames: DataFrame[], hidden: ReadonlySet<string>): DataFrame[] {
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => {
      if (field.type !== FieldType.number || !hidden.has(getFieldDisplayName(field, frame, frames))) {
        return field;
      }
      const custom = { ...field.config.custom, hideFrom: { viz: true, legend: false, tooltip: true } };
      return { ...field, config: { ...field.config, custom } };
    }),
  }));
}

export interface HiddenSeries {
  frames: DataFrame[];
  hidden: ReadonlySet<string>;
  /** Changes whenever what is hidden changes, which the graph does not notice itself. */
  revision: number;
  toggle: (label: string | string[] | null, mode: SeriesVisibilityChangeMode) => void;
  context: PanelContext;
}

export function useHiddenSeries(frames: DataFrame[], sync: DashboardCursorSync): HiddenSeries {
  const [{ hidden, revision }, setState] = useState<{ hidden: ReadonlySet<string>; revision: number }>({
    hidden: new Set(),
    revision: 0,
  });
  const toggle = useCallback(
    (label: string | string[] | null, mode: SeriesVisibilityChangeMode) => {
      const labels = label === null ? [] : [label].flat();
      setState((old) => ({
        hidden: toggledSeries(old.hidden, seriesNames(frames), labels, mode),
        revision: old.revision + 1,
      }));
    },
    [frames]
  );
  const context = useMemo<PanelContext>(
    () => ({
      eventsScope: 'dashboard',
      eventBus: crosshairBus,
      sync: () => sync,
      onToggleSeriesVisibility: toggle,
    }),
    [toggle, sync]
  );
  const shown = useMemo(() => (hidden.size ? hide(frames, hidden) : frames), [frames, hidden]);
  return { frames: shown, hidden, revision, toggle, context };
}
