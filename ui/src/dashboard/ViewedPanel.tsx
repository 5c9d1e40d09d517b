import type { ReactNode } from 'react';
import { useSize, type Size } from './useSize';

/** One panel in all the room that the page has. */
export function ViewedPanel({ children }: { children: (size: Size) => ReactNode }) {
  const [ref, size] = useSize<HTMLDivElement>();
  return (
    <div className="viewed-panel" ref={ref}>
      {size.width > 0 && children(size)}
    </div>
  );
}
