import { useMemo, useRef } from 'react';
import {
  dateTimeFormat,
  FieldType,
  formattedValueToString,
  getFieldSeriesColor,
  type DataFrame,
  type GrafanaTheme2,
} from '@grafana/data';
import {
  LegendDisplayMode,
  SortOrder,
  TooltipDisplayMode,
  type VizLegendOptions,
  type VizTooltipOptions,
} from '@grafana/schema';
import {
  PanelContextProvider,
  TimeSeries,
  TooltipPlugin2,
  useTheme2,
  VizTooltipColorPlacement,
  VizTooltipContent,
  VizTooltipFooter,
  VizTooltipHeader,
  VizTooltipWrapper,
  type UPlotConfigBuilder,
  type VizTooltipItem,
} from '@grafana/ui';
import { AnnotationMarks } from './AnnotationMarks';
import { useHiddenSeries } from './hiddenSeries';
import { CROSSHAIR, hoverMode, Message } from './shared';
import type { PanelProps } from './types';

interface Options {
  legend: VizLegendOptions;
  tooltip: VizTooltipOptions;
}

const DEFAULTS: Options = {
  legend: { displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: true, calcs: [] },
  tooltip: { mode: TooltipDisplayMode.Single, sort: SortOrder.None },
};

function optionsOf(options: Partial<Options> | undefined): Options {
  return {
    ...options,
    legend: { ...DEFAULTS.legend, ...options?.legend },
    tooltip: { ...DEFAULTS.tooltip, ...options?.tooltip },
  };
}

function tooltipItems(
  aligned: DataFrame,
  indexes: Array<number | null>,
  seriesIndex: number | null,
  { mode, sort, hideZeros }: VizTooltipOptions,
  theme: GrafanaTheme2
): VizTooltipItem[] {
  const items: Array<VizTooltipItem & { order: number }> = [];
  aligned.fields.forEach((field, index) => {
    const at = indexes[index];
    const value: unknown = at == null ? null : field.values[at];
    const isWanted = mode === TooltipDisplayMode.Multi || index === seriesIndex;
    if (
      index === 0 ||
      !isWanted ||
      value == null ||
      field.config.custom?.hideFrom?.tooltip ||
      field.config.custom?.hideFrom?.viz ||
      (hideZeros && value === 0)
    ) {
      return;
    }
    const shown = field.display?.(value);
    items.push({
      label: field.state?.displayName ?? field.name,
      value: shown ? formattedValueToString(shown) : String(value),
      color: getFieldSeriesColor(field, theme).color,
      colorPlacement: VizTooltipColorPlacement.first,
      isActive: mode === TooltipDisplayMode.Multi && index === seriesIndex,
      order: Number(value),
    });
  });
  if (sort && sort !== SortOrder.None) {
    const sign = sort === SortOrder.Ascending ? 1 : -1;
    items.sort((a, b) => sign * (a.order - b.order));
  }
  return items;
}

interface TooltipProps extends Pick<PanelProps, 'timeZone' | 'sync' | 'onZoom'> {
  config: UPlotConfigBuilder;
  aligned: DataFrame;
  options: Options;
}

function Tooltip({ config, aligned, options: { tooltip }, timeZone, sync, onZoom }: TooltipProps) {
  const theme = useTheme2();
  return (
    <TooltipPlugin2
      config={config}
      hoverMode={hoverMode(tooltip.mode)}
      queryZoom={onZoom}
      clientZoom
      syncMode={sync}
      syncScope={CROSSHAIR}
      getDataLinks={(series, row) => aligned.fields[series]?.getLinks?.({ valueRowIndex: row }) ?? []}
      render={(_plot, indexes, series, isPinned, _dismiss, _range, _viaSync, links) => {
        const at = indexes.find((index) => index != null);
        if (at == null) {
          return null;
        }
        const time = dateTimeFormat(aligned.fields[0].values[at], { timeZone });
        return (
          <VizTooltipWrapper>
            <VizTooltipHeader item={{ label: '', value: time }} isPinned={isPinned} />
            <VizTooltipContent
              items={tooltipItems(aligned, indexes, series, tooltip, theme)}
              isPinned={isPinned}
              scrollable={isPinned}
              maxHeight={tooltip.maxHeight ?? 300}
            />
            {isPinned && links.length > 0 && <VizTooltipFooter dataLinks={links} />}
          </VizTooltipWrapper>
        );
      }}
    />
  );
}

export function TimeSeriesPanel({ panel, frames, width, height, range, timeZone, sync, marks, onZoom }: PanelProps) {
  const theme = useTheme2();
  const options = useMemo(() => optionsOf(panel.options as Partial<Options> | undefined), [panel.options]);
  const timed = useMemo(
    () =>
      frames.filter(
        ({ fields }) =>
          fields.some(({ type }) => type === FieldType.time) && fields.some(({ type }) => type === FieldType.number)
      ),
    // The graph does not notice a new time range alone; a new list makes it look.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [frames, range]
  );
  const { frames: shown, revision, context } = useHiddenSeries(timed, sync);
  const structure = useRef({ fieldConfig: panel.fieldConfig, theme, names: '', revision: 0 });
  const names = shown.map(({ fields }) => fields.map((f) => f.state?.displayName ?? f.name).join()).join();
  const known = structure.current;
  if (known.fieldConfig !== panel.fieldConfig || known.theme !== theme || known.names !== names) {
    structure.current = { fieldConfig: panel.fieldConfig, theme, names, revision: known.revision + 1 };
  }

  if (!timed.length) {
    return <Message>The data has no field with times and one with numbers.</Message>;
  }
  return (
    <PanelContextProvider value={context}>
      <TimeSeries
        frames={shown}
        structureRev={structure.current.revision * 1000 + revision}
        width={width}
        height={height}
        timeRange={range}
        timeZone={timeZone}
        legend={options.legend}
        options={options}
      >
        {(config, aligned) => (
          <>
            <AnnotationMarks config={config} marks={marks} timeZone={timeZone} />
            {options.tooltip.mode !== TooltipDisplayMode.None && (
              <Tooltip {...{ config, aligned, options, timeZone, sync, onZoom }} />
            )}
          </>
        )}
      </TimeSeries>
    </PanelContextProvider>
  );
}
