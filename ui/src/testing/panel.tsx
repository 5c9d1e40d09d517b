import { render } from '@testing-library/react';
import {
  createTheme,
  dateTime,
  FieldType,
  ThemeContext,
  toDataFrame,
  type DataFrame,
  type Labels,
} from '@grafana/data';
import { DashboardCursorSync } from '@grafana/schema';
import { PortalContainer } from '@grafana/ui';
import type { Panel } from '../dashboard/model';
import { configured } from '../dashboard/usePanelFrames';
import { componentOf } from '../panels';
import type { Mark } from '../panels/AnnotationMarks';
import type { PanelProps } from '../panels/types';

export const START = Date.UTC(2025, 0, 1, 12);
export const MINUTE = 60_000;

export function times(count: number): number[] {
  return Array.from({ length: count }, (_, index) => START + index * MINUTE);
}

/** A series as the engine sends it: a time and a value with labels and a name for its legend. */
export function series(name: string, values: unknown[], labels: Labels = {}, refId = 'A'): DataFrame {
  const type = typeof values.find((value) => value !== null) === 'string' ? FieldType.string : FieldType.number;
  return toDataFrame({
    refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: times(values.length) },
      { name: 'Value', type, values, labels, config: { displayNameFromDS: name } },
    ],
  });
}

export function table(columns: Record<string, unknown[]>, refId = 'A'): DataFrame {
  return toDataFrame({
    refId,
    fields: Object.entries(columns).map(([name, values]) => ({
      name,
      values,
      type: name === 'Time' ? FieldType.time : typeof values[0] === 'string' ? FieldType.string : FieldType.number,
    })),
  });
}

export function propsOf(panel: Partial<Panel>, frames: DataFrame[], size = { width: 600, height: 300 }): PanelProps {
  const whole: Panel = { id: 1, type: 'timeseries', queryable: true, gridPos: { x: 0, y: 0, w: 12, h: 8 }, ...panel };
  const theme = createTheme();
  const interpolate = (text?: string) => text ?? '';
  const [from, to] = [dateTime(START), dateTime(START + 10 * MINUTE)];
  return {
    panel: whole,
    frames: configured(whole, frames, interpolate, theme, 'utc'),
    ...size,
    range: { from, to, raw: { from, to } },
    timeZone: 'utc',
    sync: DashboardCursorSync.Off,
    marks: [],
    interpolate,
    onZoom: () => undefined,
  };
}

/** Renders a panel as the dashboard does, in a browser without layout. */
export function show(
  panel: Partial<Panel>,
  frames: DataFrame[],
  size?: { width: number; height: number },
  marks: Mark[] = []
) {
  const props = { ...propsOf(panel, frames, size), marks };
  const Component = componentOf(props.panel.type);
  return render(
    <ThemeContext.Provider value={createTheme()}>
      <Component {...props} />
      <PortalContainer />
    </ThemeContext.Provider>
  );
}
