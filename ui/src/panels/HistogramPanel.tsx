import { useMemo } from 'react';
import {
  buildHistogram,
  formattedValueToString,
  getFieldSeriesColor,
  getHistogramFields,
  type DataFrame,
  type Field,
  type HistogramTransformerOptions,
} from '@grafana/data';
import type { VizLegendOptions } from '@grafana/schema';
import { useTheme2 } from '@grafana/ui';
import { BarDrawing, type DrawnBar } from './BarDrawing';
import { placedBars, valueScale } from './bars';
import { WithLegend } from './legend';
import { Message } from './shared';
import type { PanelProps } from './types';

interface Options extends HistogramTransformerOptions {
  legend?: Partial<VizLegendOptions>;
}

interface Buckets {
  low: number[];
  high: number[];
  counts: Field[];
}

/** Buckets of the values of all series, or the frame's own if it has been made by the histogram transformation. */
export function bucketsOf(frames: DataFrame[], options: HistogramTransformerOptions): Buckets | undefined {
  const given = frames.length === 1 ? getHistogramFields(frames[0]) : undefined;
  const found = given ?? buildHistogram(frames, { combine: true, ...options });
  return found
    ? { low: found.xMin.values as number[], high: found.xMax.values as number[], counts: found.counts }
    : undefined;
}

export function HistogramPanel({ panel, frames, width, height }: PanelProps) {
  const theme = useTheme2();
  const options = (panel.options ?? {}) as Options;
  const { bucketCount, bucketSize, bucketOffset, combine = false } = options;
  const buckets = useMemo(
    () => bucketsOf(frames, { bucketCount, bucketSize, bucketOffset, combine }),
    [frames, bucketCount, bucketSize, bucketOffset, combine]
  );
  const source = useMemo(() => frames.flatMap(({ fields }) => fields).find(({ type }) => type === 'number'), [frames]);
  if (!buckets?.low.length || !source) {
    return <Message>The data has no numbers to count.</Message>;
  }
  const { low, high } = buckets;
  const format = (value: number) => (source.display ? formattedValueToString(source.display(value)) : String(value));
  const counts = buckets.counts.map((field) => ({
    name: field.state?.displayName ?? field.config.displayNameFromDS ?? field.name,
    field,
    color: getFieldSeriesColor({ ...source, state: field.state ?? source.state }, theme).color,
    values: field.values as number[],
  }));
  const bars: DrawnBar[] = placedBars(counts, 'none')
    .filter(({ value }) => value > 0)
    .map((bar) => ({ ...bar, offset: 0.02, share: 0.96, color: counts[bar.series].color }));
  const tipOf = (category: number, active: number) => ({
    title: `${format(low[category])} – ${format(high[category])}`,
    items: counts.map(({ name, color, values }, index) => ({
      label: name,
      value: String(values[category]),
      color,
      isActive: index === active,
    })),
  });
  return (
    <WithLegend
      width={width}
      height={height}
      options={options.legend}
      entries={counts.map(({ name, color }) => ({ label: name, color }))}
    >
      {(w, h) => (
        <BarDrawing
          width={w}
          height={h}
          horizontal={false}
          atBorders
          categories={low.map(format)}
          bars={bars}
          scale={valueScale(
            bars.map(({ to }) => to),
            h / 45
          )}
          format={(value) => (Number.isInteger(value) ? String(value) : '')}
          opacity={(source.config.custom?.fillOpacity ?? 80) / 100}
          label={panel.title || 'Histogram'}
          tipOf={tipOf}
        />
      )}
    </WithLegend>
  );
}
