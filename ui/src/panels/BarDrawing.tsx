import { useState } from 'react';
import { measureText, useTheme2 } from '@grafana/ui';
import type { Bar, ValueScale } from './bars';
import { HoverTip, type Tip } from './HoverTip';
import { fitting } from './shared';

export interface DrawnBar extends Bar {
  /** The share of its category's width where it begins, and how much of it it takes. */
  offset: number;
  share: number;
  color: string;
  text?: string;
  href?: string;
}

/** How the names along an axis of categories are written. */
interface NameOptions {
  /** Degrees, clockwise; 0 is level. */
  rotation?: number;
  /** The least number of pixels from one name to the next; below zero they are counted from the end. */
  spacing?: number;
  /** Letters that are shown; 0 shows all there is room for. */
  maxLength?: number;
}

interface Props {
  width: number;
  height: number;
  horizontal: boolean;
  categories: string[];
  bars: DrawnBar[];
  scale: ValueScale;
  format: (value: number) => string;
  opacity: number;
  names?: NameOptions;
  /** Names stand at the borders of categories, as those of buckets do, not in their middle. */
  atBorders?: boolean;
  label: string;
  tipOf: (category: number, series: number) => Omit<Tip, 'x' | 'y'>;
}

const FONT = 12;
const LINE = 20;
const MOST_NAME_WIDTH = 160;

function widest(texts: string[]): number {
  return Math.min(MOST_NAME_WIDTH, Math.max(0, ...texts.map((text) => measureText(text, FONT).width)));
}

/** The room that the names of categories take: a line below the bars; what leans takes more, and some on the left. */
function namesRoom({ horizontal, categories, names = {} }: Props): { below: number; before: number; after: number } {
  const angle = ((names.rotation ?? 0) * Math.PI) / 180;
  if (horizontal || !angle) {
    return { below: LINE, before: 0, after: 0 };
  }
  const texts = categories.map((name) => cut(name, names));
  const aside = (text: string | undefined) => Math.cos(angle) * widest([text ?? '']);
  return {
    below: Math.abs(Math.sin(angle)) * widest(texts) + Math.cos(angle) * FONT + 10,
    before: angle < 0 ? aside(texts[0]) : 0,
    after: angle > 0 ? aside(texts.at(-1)) : 0,
  };
}

function cut(name: string, { maxLength = 0 }: NameOptions): string {
  return maxLength > 0 && name.length > maxLength ? `${name.slice(0, maxLength)}…` : name;
}

/** Where things are; both directions share one arithmetic: along the categories, across to the values. */
function geometry(props: Props) {
  const { width, height, horizontal, categories, scale, format, names = {} } = props;
  const ticks = scale.ticks.map(format);
  const room = namesRoom(props);
  const left =
    8 + Math.max(room.before, horizontal ? widest(categories.map((name) => cut(name, names))) : widest(ticks));
  const area = {
    left,
    top: 8,
    width: Math.max(1, width - left - Math.max(room.after, 12)),
    height: Math.max(1, height - 8 - room.below),
  };
  const length = horizontal ? area.height : area.width;
  const slot = length / Math.max(1, categories.length);
  const across = (value: number) =>
    horizontal ? area.left + scale.share(value) * area.width : area.top + (1 - scale.share(value)) * area.height;
  const along = (at: number) => (horizontal ? area.top : area.left) + at * slot;
  return { area, slot, across, along, ticks };
}

/** What a name needs along the axis: its line's height, or its width; names of categories may be cut, numbers not. */
function labelRoom({ horizontal, atBorders, categories, names = {} }: Props): number {
  if (horizontal || names.rotation) {
    return Math.max(LINE, Math.abs(names.spacing ?? 0));
  }
  if (names.spacing) {
    return Math.abs(names.spacing);
  }
  return atBorders ? widest(categories) + 12 : Math.min(widest(categories) + 8, 50);
}

function Axes(props: Props) {
  const { horizontal, categories, scale, atBorders, names = {} } = props;
  const theme = useTheme2();
  const { area, slot, across, along, ticks } = geometry(props);
  const every = Math.max(1, Math.ceil(labelRoom(props) / slot));
  const rotation = horizontal ? 0 : (names.rotation ?? 0);
  const room = horizontal ? area.left - 8 : rotation ? MOST_NAME_WIDTH : slot * every - 6;
  // Names that lean end or begin at what they name.
  const anchor = horizontal || rotation < 0 ? 'end' : rotation > 0 ? 'start' : 'middle';
  const last = (names.spacing ?? 0) < 0 ? categories.length - 1 : 0;
  return (
    <g fontSize={FONT} fill={theme.colors.text.secondary}>
      {scale.ticks.map((tick, index) => {
        const at = across(tick);
        const line = horizontal
          ? { x1: at, x2: at, y1: area.top, y2: area.top + area.height }
          : { x1: area.left, x2: area.left + area.width, y1: at, y2: at };
        return (
          <g key={tick}>
            <line {...line} stroke={theme.colors.border.weak} />
            <text
              x={horizontal ? at : area.left - 6}
              y={horizontal ? area.top + area.height + 15 : at + 4}
              textAnchor={horizontal ? 'middle' : 'end'}
            >
              {ticks[index]}
            </text>
          </g>
        );
      })}
      {categories.map((name, index) => {
        if ((index - last) % every) {
          return null;
        }
        const at = along(index + (atBorders ? 0 : 0.5));
        const x = horizontal ? area.left - 6 : at;
        const y = horizontal ? at + 4 : area.top + area.height + 15;
        return (
          <text
            key={index}
            x={x}
            y={y}
            textAnchor={anchor}
            transform={rotation ? `rotate(${rotation} ${x} ${y - 5})` : undefined}
          >
            {fitting(cut(name, names), room, FONT)}
            <title>{name}</title>
          </text>
        );
      })}
    </g>
  );
}

function rectangle(bar: DrawnBar, { across, along, slot }: ReturnType<typeof geometry>, horizontal: boolean) {
  const [start, end] = [across(bar.from), across(bar.to)];
  const at = along(bar.category + bar.offset);
  const thick = Math.max(1, bar.share * slot);
  const long = Math.max(1, Math.abs(end - start));
  return horizontal
    ? { x: Math.min(start, end), y: at, width: long, height: thick }
    : { x: at, y: Math.min(start, end), width: thick, height: long };
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

function ValueText({ bar, box, horizontal }: { bar: DrawnBar; box: Box; horizontal: boolean }) {
  const theme = useTheme2();
  return horizontal ? (
    <text x={box.x + box.width + 4} y={box.y + box.height / 2 + 4} fontSize={FONT} fill={theme.colors.text.primary}>
      {bar.text}
    </text>
  ) : (
    <text x={box.x + box.width / 2} y={box.y - 4} fontSize={FONT} textAnchor="middle" fill={theme.colors.text.primary}>
      {bar.text}
    </text>
  );
}

/** Bars with their axes, upright or lying. */
export function BarDrawing(props: Props) {
  const { width, height, horizontal, bars, opacity, label, tipOf } = props;
  const [tip, setTip] = useState<Tip>();
  const placed = geometry(props);
  const thickness = placed.slot * Math.min(1, ...bars.map(({ share }) => share));
  // Some bars with their values and others without would look like an error.
  const hasRoom = horizontal ? thickness > FONT : thickness > widest(bars.map(({ text = '' }) => text));
  return (
    <>
      <svg width={width} height={height} role="img" aria-label={label} onMouseLeave={() => setTip(undefined)}>
        <Axes {...props} />
        {bars.map((bar) => {
          const box = rectangle(bar, placed, horizontal);
          const drawn = (
            <rect
              {...box}
              rx={1}
              fill={bar.color}
              fillOpacity={opacity}
              stroke={bar.color}
              className="bar"
              onMouseMove={(event) =>
                setTip({ ...tipOf(bar.category, bar.series), x: event.clientX, y: event.clientY })
              }
              onMouseLeave={() => setTip(undefined)}
            />
          );
          return (
            <g key={`${bar.series}.${bar.category}`}>
              {bar.href ? <a href={bar.href}>{drawn}</a> : drawn}
              {hasRoom && bar.text && <ValueText bar={bar} box={box} horizontal={horizontal} />}
            </g>
          );
        })}
      </svg>
      <HoverTip tip={tip} />
    </>
  );
}
