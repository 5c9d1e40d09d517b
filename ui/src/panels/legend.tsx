import type { ReactNode } from 'react';
import { fieldReducers, reduceField, type DisplayValue, type Field } from '@grafana/data';
import { LegendDisplayMode, type VizLegendOptions } from '@grafana/schema';
import { VizLayout, VizLegend, type SeriesVisibilityChangeMode, type VizLegendItem } from '@grafana/ui';

export interface LegendEntry {
  label: string;
  color?: string;
  hidden?: boolean;
  values?: () => DisplayValue[];
}

const LEGEND: VizLegendOptions = {
  displayMode: LegendDisplayMode.List,
  placement: 'bottom',
  showLegend: true,
  calcs: [],
};

/** What a legend says of a field: its `calcs`, such as `mean` and `max`. */
export function calcsOf(field: Field, calcs: string[] = []): DisplayValue[] {
  const reduced = reduceField({ field, reducers: calcs });
  return calcs.map((calc) => {
    const value: unknown = reduced[calc];
    const shown = field.display?.(value) ?? { numeric: Number(value), text: String(value) };
    return { ...shown, title: fieldReducers.getIfExists(calc)?.name ?? calc };
  });
}

interface Props {
  width: number;
  height: number;
  options?: Partial<VizLegendOptions>;
  entries: LegendEntry[];
  onToggle?: (label: string, mode: SeriesVisibilityChangeMode) => void;
  children: (width: number, height: number) => ReactNode;
}

const ISOLATE = 'select' as SeriesVisibilityChangeMode;
const APPEND = 'append' as SeriesVisibilityChangeMode;

/** A drawing with Grafana's legend to its right or below it. */
export function WithLegend({ width, height, options, entries, onToggle, children }: Props) {
  const { showLegend, displayMode, placement, width: legendWidth } = { ...LEGEND, ...options };
  if (!showLegend || displayMode === LegendDisplayMode.Hidden || !entries.length) {
    return children(width, height);
  }
  const items: VizLegendItem[] = entries.map(({ label, color, hidden, values }) => ({
    label,
    color,
    yAxis: 1,
    disabled: hidden,
    getItemKey: () => label,
    getDisplayValues: values,
  }));
  const legend = (
    <VizLayout.Legend placement={placement} width={legendWidth}>
      <VizLegend
        items={items}
        displayMode={displayMode}
        placement={placement}
        readonly={!onToggle}
        isSortable
        onLabelClick={(item, event) =>
          onToggle?.(item.label, event.ctrlKey || event.metaKey || event.shiftKey ? APPEND : ISOLATE)
        }
      />
    </VizLayout.Legend>
  );
  return (
    <VizLayout width={width} height={height} legend={legend}>
      {(w, h) => w > 0 && h > 0 && children(w, h)}
    </VizLayout>
  );
}
