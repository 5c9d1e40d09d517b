import { useState, type ReactNode } from 'react';
import { formattedValueToString, type DisplayValue, type FieldDisplay } from '@grafana/data';
import type { VizLegendOptions } from '@grafana/schema';
import type { SeriesVisibilityChangeMode } from '@grafana/ui';
import { segment } from './arc';
import { useDisplayValues } from './displayValues';
import { toggledSeries } from './hiddenSeries';
import { WithLegend } from './legend';
import { Message } from './shared';
import type { PanelProps } from './types';

type Shown = 'name' | 'value' | 'percent';

interface Options {
  pieType: 'pie' | 'donut';
  displayLabels?: Shown[];
  legend?: Partial<VizLegendOptions> & { values?: Shown[] };
}

interface Slice {
  value: FieldDisplay;
  name: string;
  share: number;
  from: number;
  to: number;
}

export function slicesOf(values: FieldDisplay[], hidden: ReadonlySet<string>): Slice[] {
  const named = values
    .map((value) => ({ value, name: value.display.title ?? value.name }))
    .filter(({ value, name }) => value.display.numeric > 0 && !hidden.has(name))
    .sort((a, b) => b.value.display.numeric - a.value.display.numeric);
  const total = named.reduce((sum, { value }) => sum + value.display.numeric, 0);
  let angle = -Math.PI / 2;
  return named.map(({ value, name }) => {
    const share = value.display.numeric / total;
    const from = angle;
    angle += share * 2 * Math.PI;
    return { value, name, share, from, to: angle };
  });
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;
}

function labelOf({ value, name, share }: Slice, shown: Shown[]): string {
  const parts: Record<Shown, string> = { name, value: formattedValueToString(value.display), percent: percent(share) };
  return shown.map((part) => parts[part]).join(' ');
}

/** A slice opens the first of its data links: a drawing has no place for a menu. */
function SliceLink({ slice, children }: { slice: Slice; children: ReactNode }) {
  const link = slice.value.hasLinks ? slice.value.getLinks?.()[0] : undefined;
  return link ? (
    <a href={link.href} target={link.target} className="slice">
      {children}
    </a>
  ) : (
    <g className="slice">{children}</g>
  );
}

function Pie({
  slices,
  options,
  width,
  height,
}: {
  slices: Slice[];
  options: Options;
  width: number;
  height: number;
}) {
  const radius = Math.max(4, Math.min(width, height) / 2 - 4);
  const inner = options.pieType === 'donut' ? radius * 0.6 : 0;
  const [x, y] = [width / 2, height / 2];
  const labels = options.displayLabels ?? [];
  return (
    <svg
      width={width}
      height={height}
      role="img"
      aria-label={slices.map((s) => labelOf(s, ['name', 'percent'])).join(', ')}
    >
      {slices.map((slice) => {
        const middle = (slice.from + slice.to) / 2;
        const at = inner ? (inner + radius) / 2 : radius * 0.68;
        return (
          <SliceLink key={slice.name} slice={slice}>
            <path
              d={segment(x, y, inner, radius, slice.from, slice.to)}
              fill={slice.value.display.color}
              stroke="var(--primary)"
            >
              <title>{`${slice.name}: ${labelOf(slice, ['value', 'percent'])}`}</title>
            </path>
            {labels.length > 0 && slice.share > 0.05 && (
              <text
                x={x + at * Math.cos(middle)}
                y={y + at * Math.sin(middle)}
                textAnchor="middle"
                className="slice-label"
              >
                {labelOf(slice, labels)}
              </text>
            )}
          </SliceLink>
        );
      })}
    </svg>
  );
}

function legendValues({ display }: FieldDisplay, share: number | undefined, shown: Shown[]): DisplayValue[] {
  const values: DisplayValue[] = [];
  if (shown.includes('value')) {
    values.push({ ...display, title: 'Value' });
  }
  if (shown.includes('percent')) {
    values.push({ numeric: share ?? 0, text: share === undefined ? '-' : percent(share), title: 'Percent' });
  }
  return values;
}

export function PieChartPanel(props: PanelProps) {
  const options: Options = { pieType: 'pie', ...(props.panel.options as Partial<Options> | undefined) };
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const values = useDisplayValues(props);
  const slices = slicesOf(values, hidden);
  if (!values.some(({ display }) => display.numeric > 0)) {
    return <Message>All values are zero.</Message>;
  }
  const names = values.map(({ display, name }) => display.title ?? name);
  const shares = new Map(slices.map(({ name, share }) => [name, share]));
  const entries = values.map((value, index) => ({
    label: names[index],
    color: value.display.color,
    hidden: hidden.has(names[index]),
    values: () => legendValues(value, shares.get(names[index]), options.legend?.values ?? []),
  }));
  const toggle = (label: string, mode: SeriesVisibilityChangeMode) =>
    setHidden((old) => toggledSeries(old, names, [label], mode));
  return (
    <WithLegend width={props.width} height={props.height} options={options.legend} entries={entries} onToggle={toggle}>
      {(width, height) => <Pie slices={slices} options={options} width={width} height={height} />}
    </WithLegend>
  );
}
