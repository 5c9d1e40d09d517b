import { useMemo, useState } from 'react';
import type uPlot from 'uplot';
import type { GrafanaTheme2, TimeRange } from '@grafana/data';
import { AxisPlacement, DashboardCursorSync, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder, useTheme2 } from '@grafana/ui';
import { HoverTip, type Tip } from './HoverTip';
import { CROSSHAIR } from './shared';

/** A coloured rectangle: a stretch of time in a lane; lanes are counted from below. */
export interface Cell {
  from: number;
  to: number;
  lane: number;
  color: string;
  /** Written inside, where it fits. */
  text?: string;
}

interface Axis {
  /** One name for each lane, or one for each of the borders between them. */
  labels: string[];
  at: 'lanes' | 'borders';
}

interface Props {
  cells: Cell[];
  lanes: number;
  axis: Axis;
  /** The share of a lane's height that its cells fill. */
  fill: number;
  /** Pixels between neighbouring cells. */
  gap: number;
  width: number;
  height: number;
  range: TimeRange;
  timeZone: string;
  sync: DashboardCursorSync;
  onZoom: (range: { from: number; to: number }) => void;
  tipOf: (cell: Cell) => Omit<Tip, 'x' | 'y'>;
}

const MIN_ZOOM_PIXELS = 5;

function paint(u: uPlot, { cells, fill, gap }: Pick<Props, 'cells' | 'fill' | 'gap'>, theme: GrafanaTheme2): void {
  const { ctx, bbox } = u;
  const ratio = window.devicePixelRatio || 1;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${12 * ratio}px ${theme.typography.fontFamily}`;
  ctx.textBaseline = 'middle';
  for (const { from, to, lane, color, text } of cells) {
    const left = Math.max(bbox.left, u.valToPos(from, 'x', true));
    const right = Math.min(bbox.left + bbox.width, u.valToPos(to, 'x', true)) - gap * ratio;
    const bottom = u.valToPos(lane + (1 - fill) / 2, 'y', true);
    const top = u.valToPos(lane + (1 + fill) / 2, 'y', true) + gap * ratio;
    if (right <= bbox.left || left >= bbox.left + bbox.width) {
      continue;
    }
    ctx.fillStyle = color;
    ctx.fillRect(left, top, Math.max(1, right - left), Math.max(1, bottom - top));
    if (text && bottom - top > 14 * ratio && ctx.measureText(text).width < right - left - 8 * ratio) {
      ctx.fillStyle = theme.colors.getContrastText(color.slice(0, 7));
      ctx.fillText(text, left + 4 * ratio, (top + bottom) / 2);
    }
  }
  ctx.restore();
}

/** The lanes' names; of many, only as many as there is room for. */
function splitsOf({ labels, at }: Axis, height: number): number[] {
  const every = Math.max(1, Math.ceil((labels.length * 18) / Math.max(1, height)));
  const offset = at === 'lanes' ? 0.5 : 0;
  return labels.map((_, index) => index + offset).filter((_, index) => index % every === 0);
}

type Drawing = Omit<Props, 'tipOf'>;

function addScales(builder: UPlotConfigBuilder, props: Drawing, theme: GrafanaTheme2): void {
  const { lanes, axis, range, timeZone, height } = props;
  const offset = axis.at === 'lanes' ? 0.5 : 0;
  builder.addScale({
    scaleKey: 'x',
    isTime: true,
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    range: () => [range.from.valueOf(), range.to.valueOf()],
  });
  builder.addScale({
    scaleKey: 'y',
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Up,
    range: () => [0, lanes],
  });
  builder.addAxis({
    scaleKey: 'x',
    isTime: true,
    placement: AxisPlacement.Bottom,
    timeZone,
    theme,
    grid: { show: false },
  });
  builder.addAxis({
    scaleKey: 'y',
    placement: AxisPlacement.Left,
    theme,
    splits: splitsOf(axis, height - 30),
    values: (_u: uPlot, splits: number[]) => splits.map((at) => shortened(axis.labels[at - offset])),
    grid: { show: false },
    ticks: { show: false },
  });
}

function builderOf(
  props: Drawing,
  theme: GrafanaTheme2,
  setTip: (tip?: { cell: Cell; x: number; y: number }) => void
): UPlotConfigBuilder {
  const { cells, timeZone, sync, onZoom } = props;
  const builder = new UPlotConfigBuilder(timeZone);
  addScales(builder, props, theme);
  builder.addSeries({ scaleKey: 'y', theme, pathBuilder: () => null, pointsBuilder: () => undefined });
  builder.setCursor({
    y: false,
    points: { show: false },
    drag: { x: true, y: false, setScale: false },
    ...(sync === DashboardCursorSync.Off ? {} : { sync: { key: CROSSHAIR, scales: ['x', null] } }),
  });
  builder.addHook('drawClear', (u) => paint(u, props, theme));
  builder.addHook('setCursor', (u) => {
    const { left = -1, top = -1, event } = u.cursor;
    // A crosshair that came from another panel has no event.
    if (!event || left < 0 || top < 0) {
      setTip(undefined);
      return;
    }
    const [time, y] = [u.posToVal(left, 'x'), u.posToVal(top, 'y')];
    const cell = cells.find((c) => c.lane === Math.floor(y) && c.from <= time && time < c.to);
    const box = u.over.getBoundingClientRect();
    setTip(cell && { cell, x: box.left + left, y: box.top + top });
  });
  builder.addHook('setSelect', (u) => {
    const { left, width } = u.select;
    if (u.cursor.event && width >= MIN_ZOOM_PIXELS) {
      onZoom({ from: u.posToVal(left, 'x'), to: u.posToVal(left + width, 'x') });
    }
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  });
  return builder;
}

function shortened(text = ''): string {
  return text.length > 28 ? `${text.slice(0, 27)}…` : text;
}

/** Cells over time, in lanes: what state timelines, status histories and heatmaps are made of. */
export function CellChart({ tipOf, ...props }: Props) {
  const theme = useTheme2();
  const [hovered, setHovered] = useState<{ cell: Cell; x: number; y: number }>();
  const { cells, lanes, axis, fill, gap, width, height, range, timeZone, sync, onZoom } = props;
  const builder = useMemo(
    () =>
      builderOf({ cells, lanes, axis, fill, gap, width, height, range, timeZone, sync, onZoom }, theme, setHovered),
    [cells, lanes, axis, fill, gap, width, height, range, timeZone, sync, onZoom, theme]
  );
  const data = useMemo<uPlot.AlignedData>(
    () => [
      [range.from.valueOf(), range.to.valueOf()],
      [null, null],
    ],
    [range]
  );
  return (
    <>
      <UPlotChart config={builder} data={data} width={width} height={height} />
      <HoverTip tip={hovered && { ...tipOf(hovered.cell), x: hovered.x, y: hovered.y }} />
    </>
  );
}
