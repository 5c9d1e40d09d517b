import { VizOrientation } from '@grafana/data';
import {
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeValueMode,
  type VizTextDisplayOptions,
} from '@grafana/schema';
import { BarGauge, useTheme2 } from '@grafana/ui';
import { useDisplayValues } from './displayValues';
import type { PanelProps } from './types';
import { ValueGrid } from './ValueGrid';

interface Options {
  displayMode: BarGaugeDisplayMode;
  orientation: VizOrientation;
  showUnfilled: boolean;
  valueMode: BarGaugeValueMode;
  namePlacement: BarGaugeNamePlacement;
  minVizHeight: number;
  minVizWidth: number;
  maxVizHeight: number;
  text?: VizTextDisplayOptions;
}

const DEFAULTS: Options = {
  displayMode: BarGaugeDisplayMode.Gradient,
  orientation: VizOrientation.Auto,
  showUnfilled: true,
  valueMode: BarGaugeValueMode.Color,
  namePlacement: BarGaugeNamePlacement.Auto,
  minVizHeight: 16,
  minVizWidth: 8,
  maxVizHeight: 300,
};

export function BarGaugePanel(props: PanelProps) {
  const theme = useTheme2();
  const options: Options = { ...DEFAULTS, ...(props.panel.options as Partial<Options> | undefined) };
  const values = useDisplayValues(props);
  return (
    <ValueGrid
      values={values}
      width={props.width}
      height={props.height}
      minVizHeight={options.minVizHeight}
      minVizWidth={options.minVizWidth}
      maxVizHeight={options.maxVizHeight}
      itemSpacing={10}
      orientation={options.orientation}
    >
      {({ value, width, height, alignmentFactors, orientation }, openMenu, className) => (
        <BarGauge
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
          displayMode={options.displayMode}
          showUnfilled={options.showUnfilled}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
          text={options.text}
          alignmentFactors={alignmentFactors}
          orientation={orientation}
          itemSpacing={10}
          lcdCellWidth={12}
          width={width}
          height={height}
          theme={theme}
          onClick={openMenu}
          className={className}
        />
      )}
    </ValueGrid>
  );
}
