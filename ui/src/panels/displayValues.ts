import { useMemo } from 'react';
import { getFieldDisplayValues, type FieldDisplay, type ReduceDataOptions } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import { completeFieldConfig } from '../grafana/fieldConfig';
import type { PanelProps } from './types';

const REDUCE: ReduceDataOptions = { calcs: ['lastNotNull'], values: false, fields: '' };

/** The single values that stat-like panels show, one for each series or row. */
export function useDisplayValues(
  props: PanelProps,
  { sparkline = false, percentChange = false } = {}
): FieldDisplay[] {
  const theme = useTheme2();
  const { panel, frames, interpolate, timeZone } = props;
  return useMemo(() => {
    const reduceOptions = { ...REDUCE, ...(panel.options?.reduceOptions as Partial<ReduceDataOptions> | undefined) };
    if (!reduceOptions.calcs.length) {
      reduceOptions.calcs = REDUCE.calcs;
    }
    return getFieldDisplayValues({
      data: frames,
      fieldConfig: completeFieldConfig(panel.type, panel.fieldConfig),
      reduceOptions,
      replaceVariables: interpolate,
      sparkline,
      percentChange,
      theme,
      timeZone,
    });
  }, [panel, frames, interpolate, sparkline, percentChange, theme, timeZone]);
}
