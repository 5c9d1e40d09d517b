import { useMemo } from 'react';
import { dateTimeFormat, formattedValueToString, rangeUtil } from '@grafana/data';
import type { VizLegendOptions } from '@grafana/schema';
import { CellChart, type Cell } from './CellChart';
import { WithLegend } from './legend';
import { Message } from './shared';
import { cellsOf, lanesOf, legendOf } from './states';
import type { PanelProps } from './types';

interface Options {
  mergeValues?: boolean;
  showValue?: 'auto' | 'always' | 'never';
  rowHeight?: number;
  colWidth?: number;
  legend?: Partial<VizLegendOptions>;
}

interface Props extends PanelProps {
  merge: boolean;
  gap: number;
}

function States({ panel, frames, width, height, range, timeZone, sync, onZoom, merge, gap }: Props) {
  const options = (panel.options ?? {}) as Options;
  const lanes = useMemo(() => lanesOf(frames), [frames]);
  const { cells, axis, entries } = useMemo(() => {
    // The first field is the topmost; lanes are counted from below.
    const all = lanes.flatMap((lane, index) => cellsOf(lane, lanes.length - 1 - index, range, merge));
    const found = legendOf(all);
    const drawn =
      options.showValue === 'never' ? all.map(({ from, to, lane, color }) => ({ from, to, lane, color })) : all;
    return {
      cells: drawn,
      entries: found,
      axis: { labels: lanes.map(({ name }) => name).reverse(), at: 'lanes' as const },
    };
  }, [lanes, range, merge, options.showValue]);
  if (!lanes.length) {
    return <Message>The data has no field with times.</Message>;
  }
  const tipOf = (cell: Cell) => {
    const { name, field, times } = lanes[lanes.length - 1 - cell.lane];
    const value: unknown = field.values[times.findLastIndex((time) => time <= cell.from)];
    const shown = field.display?.(value);
    const text = shown ? formattedValueToString(shown) : String(value);
    const length = rangeUtil.secondsToHms(Math.max(1, Math.round((cell.to - cell.from) / 1000)));
    return {
      title: `${dateTimeFormat(cell.from, { timeZone })}, ${length}`,
      items: [{ label: name, value: text, color: cell.color }],
    };
  };
  return (
    <WithLegend width={width} height={height} options={options.legend} entries={entries}>
      {(w, h) => (
        <CellChart
          cells={cells}
          lanes={lanes.length}
          axis={axis}
          fill={options.rowHeight ?? 0.9}
          gap={gap}
          width={w}
          height={h}
          range={range}
          timeZone={timeZone}
          sync={sync}
          onZoom={onZoom}
          tipOf={tipOf}
        />
      )}
    </WithLegend>
  );
}

/** States and how long they lasted. */
export function StateTimelinePanel(props: PanelProps) {
  const { mergeValues = true } = (props.panel.options ?? {}) as Options;
  return <States {...props} merge={mergeValues} gap={1} />;
}

/** The state at each sample. */
export function StatusHistoryPanel(props: PanelProps) {
  return <States {...props} merge={false} gap={2} />;
}
