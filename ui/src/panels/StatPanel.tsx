import { VizOrientation } from '@grafana/data';
import {
  BigValue,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueJustifyMode,
  BigValueTextMode,
  useTheme2,
} from '@grafana/ui';
import type { PercentChangeColorMode, VizTextDisplayOptions } from '@grafana/schema';
import { useDisplayValues } from './displayValues';
import type { PanelProps } from './types';
import { ValueGrid } from './ValueGrid';

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
  const values = useDisplayValues(props, {
    sparkline: options.graphMode !== BigValueGraphMode.None,
    percentChange: options.showPercentChange,
  });
  return (
    <ValueGrid
      values={values}
      width={props.width}
      height={props.height}
      itemSpacing={3}
      autoGrid
      orientation={options.orientation}
    >
      {({ value, width, height, alignmentFactors, count }, openMenu, className) => (
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
    </ValueGrid>
  );
}
