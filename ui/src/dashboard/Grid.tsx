import { useEffect, useMemo, useRef, useState } from 'react';
import { layout, rectangles, type Rect } from './layout';
import type { Panel } from './model';
import { PanelFrame } from './PanelFrame';
import { RowTitle } from './RowTitle';
import { useSize } from './useSize';

/** Panels below this width, in pixels, have their titles set closer, so that they can be read. */
const NARROW = 240;

function LazyPanel({ panel, rect }: { panel: Panel; rect: Rect }) {
  const ref = useRef<HTMLDivElement>(null);
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element) {
      return;
    }
    // A little ahead of scrolling, so that panels are there when they come into view.
    const observer = new IntersectionObserver(([entry]) => setVisible(entry.isIntersecting), { rootMargin: '300px' });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <div
      ref={ref}
      className={rect.width < NARROW ? 'grid-item narrow' : 'grid-item'}
      style={rect}
      data-panel-id={panel.id}
      data-panel-type={panel.type}
      data-panel-title={panel.title}
    >
      <PanelFrame panel={panel} width={rect.width} height={rect.height} visible={visible} />
    </div>
  );
}

export function Grid({ panels }: { panels: Panel[] }) {
  const [ref, { width }] = useSize<HTMLDivElement>();
  const [closed, setClosed] = useState<Record<number, boolean>>({});
  const placed = useMemo(() => layout(panels, closed), [panels, closed]);
  const rects = useMemo(() => rectangles(placed, width), [placed, width]);
  const height = Math.max(0, ...rects.map((rect) => rect.top + rect.height));
  return (
    <div ref={ref} className="grid" style={{ height }}>
      {width > 0 &&
        placed.map(({ panel, open, hiddenCount }, index) =>
          panel.type === 'row' ? (
            <div key={panel.id} className="grid-item" style={rects[index]}>
              <RowTitle
                title={panel.title ?? ''}
                open={open ?? true}
                count={hiddenCount ?? 0}
                onToggle={() => setClosed((old) => ({ ...old, [panel.id]: open ?? true }))}
              />
            </div>
          ) : (
            <LazyPanel key={panel.id} panel={panel} rect={rects[index]} />
          )
        )}
    </div>
  );
}
