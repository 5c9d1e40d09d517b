import { getDisplayValueAlignmentFactors, VizOrientation } from '@grafana/data';
import {
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeValueMode,
  type VizTextDisplayOptions,
} from '@grafana/schema';
import { BarGauge, useTheme2, VizRepeater } from '@grafana/ui';
import { useDisplayValues } from './displayValues';
import { LinkedValue } from './LinkedValue';
import type { PanelProps } from './types';

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
    <VizRepeater
      source={values}
      renderCounter={0}
      getValues={() => values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      width={props.width}
      height={props.height}
      minVizHeight={options.minVizHeight}
      minVizWidth={options.minVizWidth}
      maxVizHeight={options.maxVizHeight}
      itemSpacing={10}
      orientation={options.orientation}
      renderValue={({ value, width, height, alignmentFactors, orientation }) => (
        <LinkedValue value={value}>
          {(openMenu, className) => (
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
        </LinkedValue>
      )}
    />
  );
}
