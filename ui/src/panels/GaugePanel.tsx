import {
  formattedValueToString,
  ThresholdsMode,
  VizOrientation,
  type FieldDisplay,
  type GrafanaTheme2,
} from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import { arc } from './arc';
import { useDisplayValues } from './displayValues';
import { fitting } from './shared';
import type { PanelProps } from './types';
import { ValueGrid } from './ValueGrid';

interface Options {
  orientation: VizOrientation;
  showThresholdMarkers: boolean;
}

const DEFAULTS: Options = { orientation: VizOrientation.Auto, showThresholdMarkers: true };

const START = Math.PI * 0.84;
const END = Math.PI * 2.16;

export interface Band {
  from: number;
  to: number;
  color: string;
}

/** The thresholds as parts of the scale, in fractions of it. */
export function bands({ field }: Pick<FieldDisplay, 'field'>, theme: GrafanaTheme2): Band[] {
  const { min, max } = rangeOf(field);
  const { steps = [], mode } = field.thresholds ?? {};
  const at = (value: number | undefined) => {
    const share = mode === ThresholdsMode.Percentage ? (value ?? 100) / 100 : ((value ?? max) - min) / (max - min);
    return Math.min(1, Math.max(0, share));
  };
  return steps
    .map(({ value, color }, index) => ({
      from: at(Number.isFinite(value) ? value : min),
      to: index + 1 < steps.length ? at(steps[index + 1].value) : 1,
      color: theme.visualization.getColorByName(color),
    }))
    .map((band, index) => (index === 0 ? { ...band, from: 0 } : band))
    .filter(({ from, to }) => to > from);
}

function rangeOf({ min, max }: FieldDisplay['field']): { min: number; max: number } {
  const low = min ?? 0;
  const high = max ?? 100;
  return high > low ? { min: low, max: high } : { min: low, max: low + 1 };
}

interface GaugeProps {
  value: FieldDisplay;
  width: number;
  height: number;
  options: Options;
  showName: boolean;
}

function Gauge({ value, width, height, options, showName }: GaugeProps) {
  const theme = useTheme2();
  const { display, field } = value;
  const { min, max } = rangeOf(field);
  const name = showName ? (display.title ?? '') : '';
  const nameHeight = name ? 20 : 0;
  const outer = Math.max(10, Math.min(width / 2, (height - nameHeight) / 1.5) - 4);
  const thickness = outer * 0.24;
  const x = width / 2;
  const y = (height - nameHeight - outer * 1.47) / 2 + outer;
  const marker = options.showThresholdMarkers ? Math.max(3, outer * 0.05) : 0;
  const radius = outer - thickness / 2 - marker - 2;
  const share = Math.min(1, Math.max(0, (display.numeric - min) / (max - min)));
  const angle = (fraction: number) => START + (END - START) * fraction;
  const text = formattedValueToString(display);
  const size = Math.min(outer * 0.42, (outer * 2.1) / Math.max(4, text.length));
  return (
    <svg width={width} height={height} role="img" aria-label={`${display.title ?? ''} ${text}`}>
      <path
        d={arc(x, y, radius, START, END)}
        stroke={theme.colors.background.secondary}
        strokeWidth={thickness}
        fill="none"
      />
      {share > 0 && (
        <path d={arc(x, y, radius, START, angle(share))} stroke={display.color} strokeWidth={thickness} fill="none" />
      )}
      {options.showThresholdMarkers &&
        bands(value, theme).map((band) => (
          <path
            key={band.from}
            d={arc(x, y, outer - marker / 2, angle(band.from), angle(band.to))}
            stroke={band.color}
            strokeWidth={marker}
            fill="none"
          />
        ))}
      <text x={x} y={y + size * 0.3} textAnchor="middle" fill={display.color} fontSize={size} fontWeight={500}>
        {text}
      </text>
      {name && (
        <text x={x} y={height - 5} textAnchor="middle" fill={theme.colors.text.primary} fontSize={13}>
          {fitting(name, width, 13)}
        </text>
      )}
    </svg>
  );
}

export function GaugePanel(props: PanelProps) {
  const options: Options = { ...DEFAULTS, ...(props.panel.options as Partial<Options> | undefined) };
  const values = useDisplayValues(props);
  return (
    <ValueGrid
      values={values}
      width={props.width}
      height={props.height}
      itemSpacing={8}
      autoGrid
      orientation={options.orientation}
    >
      {({ value, width, height, count }, openMenu, className) => (
        <div onClick={openMenu} className={className}>
          <Gauge value={value} width={width} height={height} options={options} showName={count > 1} />
        </div>
      )}
    </ValueGrid>
  );
}
