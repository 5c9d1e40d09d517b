import type { MouseEventHandler, ReactElement } from 'react';
import {
  getDisplayValueAlignmentFactors,
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
  type VizOrientation,
} from '@grafana/data';
import { VizRepeater, type VizRepeaterRenderValueProps } from '@grafana/ui';
import { LinkedValue } from './LinkedValue';

interface Props {
  values: FieldDisplay[];
  width: number;
  height: number;
  orientation: VizOrientation;
  itemSpacing: number;
  autoGrid?: boolean;
  minVizHeight?: number;
  minVizWidth?: number;
  maxVizHeight?: number;
  /** Draws one value; who clicks on it is to be sent where its links point. */
  children: (
    cell: VizRepeaterRenderValueProps<FieldDisplay, DisplayValueAlignmentFactors>,
    openMenu?: MouseEventHandler<HTMLElement>,
    className?: string
  ) => ReactElement;
}

/** One drawing for each value, as many in rows and columns as there is room for. */
export function ValueGrid({ values, children, ...layout }: Props) {
  return (
    <VizRepeater
      {...layout}
      source={values}
      renderCounter={0}
      getValues={() => values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={(cell) => (
        <LinkedValue value={cell.value}>{(openMenu, className) => children(cell, openMenu, className)}</LinkedValue>
      )}
    />
  );
}
