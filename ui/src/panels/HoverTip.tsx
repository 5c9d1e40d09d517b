import type { ReactNode } from 'react';
import {
  Portal,
  useTheme2,
  VizTooltipColorPlacement,
  VizTooltipContent,
  VizTooltipHeader,
  VizTooltipWrapper,
  type VizTooltipItem,
} from '@grafana/ui';

export interface Tip {
  /** Where the pointer is, in pixels of the window. */
  x: number;
  y: number;
  title: string;
  items: Array<Pick<VizTooltipItem, 'label' | 'value' | 'color' | 'isActive'>>;
}

const AWAY = 12;

/** A box next to a place of the window, on the side that has more room. */
export function TipBox({ x, y, children }: { x: number; y: number; children: ReactNode }) {
  const theme = useTheme2();
  const across = x > window.innerWidth * 0.6 ? { right: window.innerWidth - x + AWAY } : { left: x + AWAY };
  const down = y > window.innerHeight * 0.6 ? { bottom: window.innerHeight - y + AWAY } : { top: y + AWAY };
  return (
    <Portal>
      <div
        role="tooltip"
        style={{
          position: 'fixed',
          ...across,
          ...down,
          maxWidth: 480,
          pointerEvents: 'none',
          zIndex: theme.zIndex.tooltip,
          background: theme.colors.background.elevated,
          border: `1px solid ${theme.colors.border.weak}`,
          borderRadius: theme.shape.radius.default,
          boxShadow: theme.shadows.z2,
        }}
      >
        {children}
      </div>
    </Portal>
  );
}

/** Grafana's tooltip next to the pointer. */
export function HoverTip({ tip }: { tip?: Tip }) {
  if (!tip) {
    return null;
  }
  return (
    <TipBox x={tip.x} y={tip.y}>
      <VizTooltipWrapper>
        <VizTooltipHeader item={{ label: '', value: tip.title }} isPinned={false} />
        <VizTooltipContent
          items={tip.items.map((item) => ({ ...item, colorPlacement: VizTooltipColorPlacement.first }))}
        />
      </VizTooltipWrapper>
    </TipBox>
  );
}
