import {
  FieldConfigOptionsRegistry,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
  type FieldConfigPropertyItem,
  type FieldConfigSource,
  type ThresholdsConfig,
} from '@grafana/data';
import { GraphDrawStyle, VisibilityMode, type GraphFieldConfig } from '@grafana/schema';

type Processor = FieldConfigPropertyItem['process'];

const STANDARD: Record<string, Processor> = {
  unit: unitOverrideProcessor,
  min: numberOverrideProcessor,
  max: numberOverrideProcessor,
  decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor,
  color: identityOverrideProcessor,
  noValue: identityOverrideProcessor,
  links: dataLinksOverrideProcessor,
  mappings: valueMappingsOverrideProcessor,
  thresholds: thresholdsOverrideProcessor,
  filterable: identityOverrideProcessor,
  fieldMinMax: identityOverrideProcessor,
  description: identityOverrideProcessor,
};

function item(id: string, path: string, isCustom: boolean, process: Processor): FieldConfigPropertyItem {
  return {
    id,
    path,
    isCustom,
    process,
    name: id,
    settings: {},
    shouldApply: () => true,
    editor: () => null,
    override: () => null,
  };
}

/** A registry of the standard options and of exactly those custom ones that a panel uses, whatever its kind. */
export function registryFor(config: FieldConfigSource): FieldConfigOptionsRegistry {
  const items = Object.entries(STANDARD).map(([id, process]) => item(id, id, false, process));
  const custom = new Set(Object.keys(config.defaults.custom ?? {}));
  for (const { properties } of config.overrides) {
    for (const { id } of properties) {
      if (id.startsWith('custom.')) {
        custom.add(id.slice('custom.'.length));
      }
    }
  }
  for (const name of custom) {
    items.push(item(`custom.${name}`, name, true, identityOverrideProcessor));
  }
  return new FieldConfigOptionsRegistry(() => items);
}

const GRAPH_DEFAULTS: GraphFieldConfig = {
  drawStyle: GraphDrawStyle.Line,
  lineWidth: 1,
  fillOpacity: 0,
  pointSize: 5,
  showPoints: VisibilityMode.Auto,
};

/** Grafana shows the colours of thresholds where a panel says nothing else; graphs have a colour for each series. */
const CLASSIC_PALETTE = new Set(['timeseries', 'piechart', 'barchart', 'histogram']);

function withOpenBase(thresholds: ThresholdsConfig | undefined): void {
  // JSON has no -Infinity: the base step of saved thresholds is null.
  for (const step of thresholds?.steps ?? []) {
    step.value = (step.value as number | null) ?? -Infinity;
  }
}

/** A copy of a panel's field config with the defaults of its kind, as @grafana/data wants it. */
export function completeFieldConfig(kind: string, config: FieldConfigSource | undefined): FieldConfigSource {
  const { defaults = {}, overrides = [] } = structuredClone(config ?? { defaults: {}, overrides: [] });
  withOpenBase(defaults.thresholds);
  for (const { properties } of overrides) {
    for (const { id, value } of properties) {
      if (id === 'thresholds') {
        withOpenBase(value as ThresholdsConfig | undefined);
      }
    }
  }
  if (kind === 'timeseries') {
    defaults.custom = { ...GRAPH_DEFAULTS, ...defaults.custom };
  }
  defaults.color ??= { mode: CLASSIC_PALETTE.has(kind) ? 'palette-classic' : 'thresholds' };
  if (!defaults.thresholds) {
    // Without thresholds of their own panels are green.
    const steps = [{ color: 'green', value: -Infinity }];
    defaults.thresholds = { mode: 'absolute' as ThresholdsConfig['mode'], steps };
  }
  return { defaults, overrides };
}
