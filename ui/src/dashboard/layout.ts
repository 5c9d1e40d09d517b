import { compact, correctBounds } from 'react-grid-layout/build/utils';
import type { GridPos, Panel } from './model';

export interface Placed {
  panel: Panel;
  pos: GridPos;
  /** For rows: whether its panels are shown. */
  open?: boolean;
  hiddenCount?: number;
}

interface Section {
  row?: Panel;
  panels: Panel[];
}

function sections(panels: Panel[]): Section[] {
  const result: Section[] = [{ panels: [] }];
  for (const panel of panels) {
    if (panel.type === 'row') {
      result.push({ row: panel, panels: [...(panel.panels ?? [])] });
    } else {
      result[result.length - 1].panels.push(panel);
    }
  }
  return result;
}

const COLUMNS = 24;

/** So many panels nobody looks at; they stay where they are, because compacting takes the square of the time. */
const MANY = 2000;

/** The places of panels from the top of their section, moved up and apart by the library that Grafana's page uses. */
function compacted(panels: Panel[]): GridPos[] {
  const top = Math.min(...panels.map(({ gridPos }) => gridPos.y));
  const places = panels.map(({ gridPos: { x, y, w, h } }, index) => ({ i: String(index), x, y: y - top, w, h }));
  return panels.length > MANY ? places : compact(correctBounds(places, { cols: COLUMNS }), 'vertical', COLUMNS);
}

/** Places the panels below each other in sections, as their rows are open or closed. */
export function layout(panels: Panel[], closed: Readonly<Record<number, boolean>>): Placed[] {
  const placed: Placed[] = [];
  let y = 0;
  for (const { row, panels: content } of sections(panels)) {
    const open = !row || !(closed[row.id] ?? row.collapsed ?? false);
    if (row) {
      placed.push({ panel: row, pos: { x: 0, y, w: 24, h: 1 }, open, hiddenCount: content.length });
      y += 1;
    }
    if (open && content.length) {
      const places = compacted(content);
      content.forEach((panel, index) => {
        const { x, y: below, w, h } = places[index];
        placed.push({ panel, pos: { x, y: y + below, w, h } });
      });
      y += Math.max(...places.map((place) => place.y + place.h));
    }
  }
  return placed;
}

const CELL_HEIGHT = 30;
const GAP = 8;
const NARROW = 700;

export interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Pixels of every placed panel. On narrow screens panels stand below each other. */
export function rectangles(placed: Placed[], width: number): Rect[] {
  if (width < NARROW) {
    let top = 0;
    return placed.map(({ pos }) => {
      const height = pos.h * (CELL_HEIGHT + GAP) - GAP;
      const rect = { left: 0, top, width, height };
      top += height + GAP;
      return rect;
    });
  }
  const column = (width - GAP * (COLUMNS - 1)) / COLUMNS;
  return placed.map(({ pos }) => ({
    left: Math.round(pos.x * (column + GAP)),
    top: pos.y * (CELL_HEIGHT + GAP),
    width: Math.floor(pos.w * (column + GAP) - GAP),
    height: pos.h * (CELL_HEIGHT + GAP) - GAP,
  }));
}
