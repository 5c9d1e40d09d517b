import { useEffect, useMemo, useState } from 'react';
import { lastValueFrom } from 'rxjs';
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  dataFrameFromJSON,
  transformDataFrame,
  type DataFrame,
  type DataFrameJSON,
  type DataTransformerConfig,
  type GrafanaTheme2,
  type InterpolateFunction,
} from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import { completeFieldConfig, registryFor } from '../grafana/fieldConfig';
import { unknownTransformations } from '../transformations';
import type { Panel } from './model';

export interface PanelFrames {
  frames?: DataFrame[];
  error?: string;
  /** What was left out, although the panel asks for it. */
  warning?: string;
}

function warningOf(transformations: DataTransformerConfig[]): string | undefined {
  const unknown = unknownTransformations(transformations);
  return unknown.length
    ? `Left out, because it is not known here: the transformation ${unknown.join(', ')}`
    : undefined;
}

/** Frames with a panel's field config, its overrides and links. */
export function configured(
  panel: Pick<Panel, 'type' | 'fieldConfig'>,
  data: DataFrame[],
  interpolate: InterpolateFunction,
  theme: GrafanaTheme2,
  timeZone: string
): DataFrame[] {
  const fieldConfig = completeFieldConfig(panel.type, panel.fieldConfig);
  const frames = applyFieldOverrides({
    data,
    fieldConfig,
    fieldConfigRegistry: registryFor(fieldConfig),
    replaceVariables: interpolate,
    theme,
    timeZone,
  });
  // Tables and tooltips read the cached names.
  cacheFieldDisplayNames(frames);
  return frames;
}

/** Frames as panels draw them: transformed, with field config, overrides and links applied. */
export function usePanelFrames(
  panel: Panel,
  json: DataFrameJSON[] | undefined,
  interpolate: InterpolateFunction,
  timeZone: string
): PanelFrames {
  const theme = useTheme2();
  const [transformed, setTransformed] = useState<PanelFrames>({});
  const { transformations } = panel;

  useEffect(() => {
    if (!json) {
      return;
    }
    let wanted = true;
    // Frames are changed in place by what follows, the answer must stay as it came.
    const raw = json.map((frame) => dataFrameFromJSON(structuredClone(frame)));
    lastValueFrom(transformDataFrame(transformations ?? [], raw, { interpolate })).then(
      (frames) => wanted && setTransformed({ frames, warning: warningOf(transformations ?? []) }),
      (error: Error) => wanted && setTransformed({ error: `Transformation failed: ${error.message}` })
    );
    return () => {
      wanted = false;
    };
  }, [json, transformations, interpolate]);

  const { type, fieldConfig } = panel;
  return useMemo(() => {
    if (!transformed.frames) {
      return transformed;
    }
    return {
      ...transformed,
      frames: configured({ type, fieldConfig }, transformed.frames, interpolate, theme, timeZone),
    };
  }, [transformed, type, fieldConfig, interpolate, theme, timeZone]);
}
