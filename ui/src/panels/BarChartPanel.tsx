import { useMemo, useState } from 'react';
import { formattedValueToString, type FieldConfig } from '@grafana/data';
import { ScaleDistribution, type GraphFieldConfig, type VizLegendOptions } from '@grafana/schema';
import { useTheme2, type SeriesVisibilityChangeMode } from '@grafana/ui';
import { BarDrawing, type DrawnBar } from './BarDrawing';
import {
  barColor,
  barsOf,
  logScale,
  placedBars,
  valueScale,
  type BarSeries,
  type Stacking,
  type ValueScale,
} from './bars';
import { toggledSeries } from './hiddenSeries';
import { calcsOf, WithLegend } from './legend';
import { Message } from './shared';
import type { PanelProps } from './types';

interface Options {
  xField?: string;
  orientation?: 'auto' | 'horizontal' | 'vertical';
  stacking?: Stacking;
  showValue?: 'auto' | 'always' | 'never';
  groupWidth?: number;
  barWidth?: number;
  colorByField?: string;
  xTickLabelRotation?: number;
  xTickLabelSpacing?: number;
  xTickLabelMaxLength?: number;
  legend?: Partial<VizLegendOptions>;
}

function drawn(series: BarSeries[], colors: BarSeries | undefined, options: Options): DrawnBar[] {
  const { stacking = 'none', groupWidth = 0.7, barWidth = 0.97, showValue = 'auto' } = options;
  const lanes = stacking === 'none' ? Math.max(1, series.length) : 1;
  const share = groupWidth / lanes;
  return placedBars(series, stacking).map((bar) => {
    const own = series[bar.series];
    const link = own.field.getLinks?.({ valueRowIndex: bar.category })[0];
    const shown = own.field.display?.(bar.value);
    return {
      ...bar,
      offset: (1 - groupWidth) / 2 + (stacking === 'none' ? bar.series : 0) * share,
      share: share * barWidth,
      color: colors
        ? (colors.field.display?.(colors.values[bar.category]).color ?? own.color)
        : barColor(own, bar.value),
      text: showValue === 'never' || stacking !== 'none' || !shown ? undefined : formattedValueToString(shown),
      href: link?.href,
    };
  });
}

function scaleOf(bars: DrawnBar[], ticks: number, config: FieldConfig): ValueScale {
  const ends = bars.flatMap(({ from, to }) => [from, to]);
  const { type, log = 2 } = (config.custom as GraphFieldConfig | undefined)?.scaleDistribution ?? {};
  return type === ScaleDistribution.Log ? logScale(ends, ticks, log, config) : valueScale(ends, ticks, config);
}

/** What the pointer over a category shows: the values of all series there. */
function tips(categories: string[], series: BarSeries[]) {
  return (category: number, active: number) => ({
    title: categories[category],
    items: series.map((one, index) => {
      const value = one.values[category];
      const shown = one.field.display?.(value);
      return {
        label: one.name,
        value: shown ? formattedValueToString(shown) : String(value),
        color: one.color,
        isActive: index === active,
      };
    }),
  });
}

export function BarChartPanel({ panel, frames, width, height, timeZone }: PanelProps) {
  const theme = useTheme2();
  const options = (panel.options ?? {}) as Options;
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const all = useMemo(
    () => barsOf(frames, options.xField, timeZone, theme),
    [frames, options.xField, timeZone, theme]
  );
  if (!all?.series.length) {
    return <Message>The data has no field with numbers, or none that names them.</Message>;
  }
  const series = all.series.filter(({ name, field }) => !hidden.has(name) && !field.config.custom?.hideFrom?.viz);
  const bars = drawn(
    series,
    all.series.find(({ name }) => name === options.colorByField),
    options
  );
  const first = (series[0] ?? all.series[0]).field;
  const percent = options.stacking === 'percent';
  const inUnit = (value: number) => (first.display ? formattedValueToString(first.display(value)) : String(value));
  const format = (value: number) => (percent ? `${Math.round(value * 100)}%` : inUnit(value));
  const horizontal =
    options.orientation === 'horizontal' || (options.orientation !== 'vertical' && width < all.categories.length * 24);
  const scale = scaleOf(bars, horizontal ? width / 110 : height / 45, percent ? { min: 0, max: 1 } : first.config);
  const names = all.series.map(({ name }) => name);
  const entries = all.series.map(({ name, color, field }) => ({
    label: name,
    color,
    hidden: hidden.has(name),
    values: () => calcsOf(field, options.legend?.calcs),
  }));
  const toggle = (label: string, mode: SeriesVisibilityChangeMode) =>
    setHidden((old) => toggledSeries(old, names, [label], mode));
  return (
    <WithLegend width={width} height={height} options={options.legend} entries={entries} onToggle={toggle}>
      {(w, h) => (
        <BarDrawing
          width={w}
          height={h}
          horizontal={horizontal}
          categories={all.categories}
          names={{
            rotation: options.xTickLabelRotation,
            spacing: options.xTickLabelSpacing,
            maxLength: options.xTickLabelMaxLength,
          }}
          bars={bars}
          scale={scale}
          format={format}
          opacity={(first.config.custom?.fillOpacity ?? 80) / 100}
          label={panel.title || 'Bar chart'}
          tipOf={tips(all.categories, series)}
        />
      )}
    </WithLegend>
  );
}
