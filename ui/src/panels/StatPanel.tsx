import { getDisplayValueAlignmentFactors, VizOrientation } from '@grafana/data';
import {
  BigValue,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  useTheme2,
  VizRepeater,
} from '@grafana/ui';
import type { PercentChangeColorMode, VizTextDisplayOptions } from '@grafana/schema';
import { useDisplayValues } from './displayValues';
import { LinkedValue } from './LinkedValue';
import type { PanelProps } from './types';

interface Options {
  graphMode: BigValueGraphMode;
  colorMode: BigValueColorMode;
  justifyMode: BigValueJustifyMode;
  textMode: BigValueTextMode;
  orientation: VizOrientation;
  text?: VizTextDisplayOptions;
  wideLayout: boolean;
  showPercentChange: boolean;
  percentChangeColorMode?: PercentChangeColorMode;
}

const DEFAULTS: Options = {
  graphMode: BigValueGraphMode.Area,
  colorMode: BigValueColorMode.Value,
  justifyMode: BigValueJustifyMode.Auto,
  textMode: BigValueTextMode.Auto,
  orientation: VizOrientation.Auto,
  wideLayout: true,
  showPercentChange: false,
};

export function StatPanel(props: PanelProps) {
  const theme = useTheme2();
  const options: Options = { ...DEFAULTS, ...(props.panel.options as Partial<Options> | undefined) };
  const values = useDisplayValues(props, { sparkline: options.graphMode !== BigValueGraphMode.None, percentChange: options.showPercentChange });
  return (
    <VizRepeater
      source={values}
      renderCounter={0}
      getValues={() => values}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      width={props.width}
      height={props.height}
      itemSpacing={3}
      autoGrid
      orientation={options.orientation}
      renderValue={({ value, width, height, alignmentFactors, count }) => (
        <LinkedValue value={value}>
          {(openMenu, className) => (
            <BigValue
              value={value.display}
              sparkline={value.sparkline}
              count={count}
              colorMode={options.colorMode}
              graphMode={options.graphMode}
              justifyMode={options.justifyMode}
              textMode={options.textMode}
              text={options.text}
              disableWideLayout={!options.wideLayout}
              percentChangeColorMode={options.percentChangeColorMode}
              alignmentFactors={alignmentFactors}
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
