import { useMemo } from 'react';
import { dateTimeFormat, formattedValueToString, getValueFormat } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import { CellChart, type Cell } from './CellChart';
import { borderText, cellsOfHeat, colorScale, heatOfBuckets, heatOfValues, type ColorOptions } from './heat';
import { Message } from './shared';
import type { PanelProps } from './types';

interface Options {
  calculate?: boolean;
  color?: ColorOptions;
  filterValues?: { le?: number };
  yAxis?: { unit?: string; decimals?: number };
  cellGap?: number;
  legend?: { show?: boolean };
  cellValues?: { unit?: string; decimals?: number };
}

const SCALE_HEIGHT = 28;
const STOPS = [0, 0.25, 0.5, 0.75, 1];

function ColorScale({
  color,
  min,
  max,
  format,
}: {
  color: (share: number) => string;
  min: number;
  max: number;
  format: (value: number) => string;
}) {
  return (
    <div className="color-scale">
      <span>{format(min)}</span>
      <div style={{ background: `linear-gradient(to right, ${STOPS.map(color).join(', ')})` }} />
      <span>{format(max)}</span>
    </div>
  );
}

export function HeatmapPanel({ panel, frames, width, height, range, timeZone, sync, onZoom }: PanelProps) {
  const { isDark } = useTheme2();
  const options = useMemo(() => (panel.options ?? {}) as Options, [panel.options]);
  const { yAxis, cellValues } = options;
  const color = useMemo<ColorOptions>(() => options.color ?? {}, [options.color]);
  const format = (value: number) =>
    formattedValueToString(getValueFormat(cellValues?.unit ?? 'short')(value, cellValues?.decimals));
  const heat = useMemo(() => {
    const border = (value: number) =>
      borderText(String(Number(value.toPrecision(12))), yAxis?.unit ?? 'short', yAxis?.decimals);
    return options.calculate ? heatOfValues(frames, range, border) : heatOfBuckets(frames);
  }, [frames, range, options.calculate, yAxis]);
  const scaled = useMemo(
    () => heat && cellsOfHeat(heat, color, options.filterValues?.le ?? 0, isDark),
    [heat, color, options.filterValues, isDark]
  );
  const axis = useMemo(
    () => ({
      labels: ['', ...(heat?.rows ?? []).map(({ border }) => borderText(border, yAxis?.unit, yAxis?.decimals))],
      at: 'borders' as const,
    }),
    [heat, yAxis]
  );
  if (!heat?.rows.length || !scaled) {
    return <Message>The data has no field with times and one with numbers.</Message>;
  }
  if (!scaled.cells.length) {
    return <Message>All buckets are empty in this time range.</Message>;
  }
  const tipOf = (cell: Cell) => {
    const count = heat.rows[cell.lane].counts[heat.times.indexOf(cell.from)] ?? 0;
    const borders = axis.labels[cell.lane]
      ? `${axis.labels[cell.lane]} – ${axis.labels[cell.lane + 1]}`
      : `up to ${axis.labels[cell.lane + 1]}`;
    return {
      title: dateTimeFormat(cell.from, { timeZone }),
      items: [{ label: borders, value: format(count), color: cell.color }],
    };
  };
  const hasScale = options.legend?.show !== false && height > 120;
  return (
    <>
      <CellChart
        cells={scaled.cells}
        lanes={heat.rows.length}
        axis={axis}
        fill={1}
        gap={options.cellGap ?? 1}
        width={width}
        height={hasScale ? height - SCALE_HEIGHT : height}
        range={range}
        timeZone={timeZone}
        sync={sync}
        onZoom={onZoom}
        tipOf={tipOf}
      />
      {hasScale && <ColorScale color={colorScale(color, isDark)} min={scaled.min} max={scaled.max} format={format} />}
    </>
  );
}
