import { map } from 'rxjs';
import {
  FieldMatcherID,
  getFieldDisplayName,
  getFieldMatcher,
  reduceField,
  ReducerID,
  type DataFrame,
  type DataTransformerInfo,
  type FieldConfig,
  type MatcherConfig,
} from '@grafana/data';
import { applyHandler, handlerKeyOf, isConfigHandler, valueMapping, type ConfigMapping } from './fieldConfigHandlers';

interface Options {
  configRefId?: string;
  mappings?: ConfigMapping[];
  applyTo?: MatcherConfig;
}

function configOf(frame: DataFrame, mappings: ConfigMapping[]): FieldConfig {
  const config: FieldConfig = {};
  const columns: Record<string, unknown[]> = {};
  for (const field of frame.fields) {
    const name = getFieldDisplayName(field, frame);
    const key = handlerKeyOf(name, mappings) ?? '';
    if (isConfigHandler(key)) {
      const reducer = mappings.find(({ fieldName }) => fieldName === name)?.reducerId ?? ReducerID.lastNotNull;
      applyHandler(config, key, reduceField({ field, reducers: [reducer] })[reducer]);
    } else if (key.startsWith('mappings.')) {
      columns[key] = field.values;
    }
  }
  if (columns['mappings.value']) {
    config.mappings = [valueMapping(columns['mappings.value'], columns['mappings.text'], columns['mappings.color'])];
  }
  return config;
}

/** Takes one query's result as the field config (unit, min, thresholds …) of the others' fields. */
function configFromData(
  frames: DataFrame[],
  { configRefId = 'config', mappings = [], applyTo }: Options
): DataFrame[] {
  const source = frames.find(({ refId }) => refId === configRefId);
  if (!source) {
    return frames;
  }
  const config = configOf(source, mappings);
  const matches = getFieldMatcher(applyTo ?? { id: FieldMatcherID.numeric });
  return frames
    .filter((frame) => frame !== source)
    .map((frame) => ({
      ...frame,
      fields: frame.fields.map((field) =>
        matches(field, frame, frames) ? { ...field, config: { ...field.config, ...config } } : field
      ),
    }));
}

export const configFromDataTransformer: DataTransformerInfo<Options> = {
  id: 'configFromData',
  name: 'Config from query results',
  defaultOptions: { configRefId: 'config', mappings: [] },
  operator: (options) => (source) => source.pipe(map((frames) => configFromData(frames, options))),
};
