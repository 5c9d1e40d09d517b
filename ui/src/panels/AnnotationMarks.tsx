import { useLayoutEffect, useReducer, useState } from 'react';
import { createPortal } from 'react-dom';
import type uPlot from 'uplot';
import { dateTimeFormat, textUtil } from '@grafana/data';
import { useTheme2, type UPlotConfigBuilder } from '@grafana/ui';
import type { Annotation } from '../api/types';
import { TipBox } from './HoverTip';

/** An annotation as a graph shows it. */
export interface Mark extends Annotation {
  /** The layer that it is of. */
  layer: string;
  color: string;
}

interface Props {
  config: UPlotConfigBuilder;
  marks: Mark[];
  timeZone: string;
}

interface Placed {
  mark: Mark;
  /** Pixels of the plot; a moment has no width. */
  left: number;
  width: number;
}

/** Where marks are in a plot, as far as they are in its range. */
function placed(plot: uPlot, marks: Mark[]): Placed[] {
  const { min, max } = plot.scales.x;
  if (min == null || max == null) {
    return [];
  }
  return marks
    .filter(({ time, timeEnd }) => timeEnd >= min && time <= max)
    .map((mark) => {
      const left = plot.valToPos(Math.max(mark.time, min), 'x');
      return { mark, left, width: plot.valToPos(Math.min(mark.timeEnd, max), 'x') - left };
    });
}

function timeText({ time, timeEnd }: Mark, timeZone: string): string {
  const at = (milliseconds: number) => dateTimeFormat(milliseconds, { timeZone });
  return timeEnd > time ? `${at(time)} – ${at(timeEnd)}` : at(time);
}

function MarkTip({ mark, x, y, timeZone }: { mark: Mark; x: number; y: number; timeZone: string }) {
  return (
    <TipBox x={x} y={y}>
      <div className="annotation-tip">
        <strong>{mark.title || mark.layer}</strong>
        <span className="quiet">{timeText(mark, timeZone)}</span>
        {/* As in Grafana, texts may be HTML, without what could run. */}
        {mark.text && <div dangerouslySetInnerHTML={{ __html: textUtil.sanitize(mark.text) }} />}
        {mark.tags.length > 0 && (
          <div className="tags">
            {mark.tags.map((tag) => (
              <span className="tag" key={tag}>
                {tag}
              </span>
            ))}
          </div>
        )}
      </div>
    </TipBox>
  );
}

/** Annotations over a graph: a line for a moment, an area for a while, and below it a mark that describes it. */
export function AnnotationMarks({ config, marks, timeZone }: Props) {
  const theme = useTheme2();
  const [plot, setPlot] = useState<uPlot>();
  const [, drawn] = useReducer((count: number) => count + 1, 0);
  const [tip, setTip] = useState<{ mark: Mark; x: number; y: number }>();

  // Before the graph makes its plot of the configuration, as Grafana's own plugins do.
  useLayoutEffect(() => {
    config.addHook('draw', (next) => {
      setPlot(next);
      drawn();
    });
    config.addHook('destroy', () => setPlot(undefined));
  }, [config]);

  const around = plot?.over.parentElement;
  if (!plot || !around || !marks.length) {
    return null;
  }
  const describe = (mark: Mark, element: Element) => {
    const { left, top, width } = element.getBoundingClientRect();
    setTip({ mark, x: left + width / 2, y: top });
  };
  const { offsetLeft, offsetTop, clientWidth, clientHeight } = plot.over;
  return (
    <>
      {createPortal(
        <div
          className="annotations"
          style={{ left: offsetLeft, top: offsetTop, width: clientWidth, height: clientHeight }}
        >
          {placed(plot, marks).map(({ mark, left, width }, index) => {
            const color = theme.visualization.getColorByName(mark.color || 'blue');
            return (
              <div key={index} className="annotation" style={{ left, width, color }}>
                <button
                  type="button"
                  className={width > 12 ? 'wide' : undefined}
                  aria-label={`${mark.title || mark.layer}, ${timeText(mark, timeZone)}`}
                  onMouseEnter={(event) => describe(mark, event.currentTarget)}
                  onMouseLeave={() => setTip(undefined)}
                  onFocus={(event) => describe(mark, event.currentTarget)}
                  onBlur={() => setTip(undefined)}
                />
              </div>
            );
          })}
        </div>,
        around
      )}
      {tip && <MarkTip {...tip} timeZone={timeZone} />}
    </>
  );
}
