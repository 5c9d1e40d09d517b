import { useEffect, useMemo, useState } from 'react';
import { lastValueFrom } from 'rxjs';
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  dataFrameFromJSON,
  transformDataFrame,
  type DataFrame,
  type DataFrameJSON,
  type InterpolateFunction,
} from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import { completeFieldConfig, registryFor } from '../grafana/fieldConfig';
import type { Panel } from './model';

export interface PanelFrames {
  frames?: DataFrame[];
  error?: string;
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
      (frames) => wanted && setTransformed({ frames }),
      (error: Error) => wanted && setTransformed({ error: `Transformation failed: ${error.message}` })
    );
    return () => {
      wanted = false;
    };
  }, [json, transformations, interpolate]);

  return useMemo(() => {
    if (!transformed.frames) {
      return transformed;
    }
    const fieldConfig = completeFieldConfig(panel.type, panel.fieldConfig);
    const frames = applyFieldOverrides({
      data: transformed.frames,
      fieldConfig,
      fieldConfigRegistry: registryFor(fieldConfig),
      replaceVariables: interpolate,
      theme,
      timeZone,
    });
    // Tables and tooltips read the cached names.
    cacheFieldDisplayNames(frames);
    return { frames };
  }, [transformed, panel.type, panel.fieldConfig, interpolate, theme, timeZone]);
}
