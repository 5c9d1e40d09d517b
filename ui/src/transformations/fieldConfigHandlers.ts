import { MappingType, ThresholdsMode, type FieldConfig, type ValueMap } from '@grafana/data';

export interface ConfigMapping {
  fieldName: string;
  /** What of the field config the value becomes; `__ignore` for nothing. */
  handlerKey?: string | null;
  reducerId?: string;
}

type Handler = (config: FieldConfig, value: unknown) => void;

function numberOf(value: unknown): number | undefined {
  const number = Number(value);
  return value === null || value === '' || Number.isNaN(number) ? undefined : number;
}

/** Thresholds stay sorted by value; the first one that is added brings the base along. */
function addThreshold(config: FieldConfig, value: unknown, color: string): void {
  const number = numberOf(value);
  if (number !== undefined) {
    const steps = config.thresholds?.steps ?? [{ value: -Infinity, color: 'green' }];
    config.thresholds = {
      mode: ThresholdsMode.Absolute,
      steps: [...steps, { value: number, color }].sort((a, b) => a.value - b.value),
    };
  }
}

const HANDLERS: Record<string, Handler> = {
  min: (config, value) => (config.min = numberOf(value)),
  max: (config, value) => (config.max = numberOf(value)),
  decimals: (config, value) => (config.decimals = numberOf(value)),
  unit: (config, value) => (config.unit = String(value)),
  displayname: (config, value) => (config.displayName = String(value)),
  novalue: (config, value) => (config.noValue = String(value)),
  color: (config, value) => (config.color = { mode: 'fixed', fixedColor: String(value) }),
  threshold1: (config, value) => addThreshold(config, value, 'red'),
};

/** The handler of a field: the one it is mapped to, else the one that has its name. */
export function handlerKeyOf(fieldName: string, mappings: ConfigMapping[]): string | undefined {
  const mapped = mappings.find((mapping) => mapping.fieldName === fieldName)?.handlerKey;
  const key = mapped ?? fieldName;
  return mapped === '__ignore' ? undefined : key.toLowerCase();
}

export function isConfigHandler(key: string): boolean {
  return Object.hasOwn(HANDLERS, key);
}

export function applyHandler(config: FieldConfig, key: string, value: unknown): void {
  HANDLERS[key]?.(config, value);
}

/** A value mapping made of the rows of fields that hold its values, texts and colours. */
export function valueMapping(values: unknown[], texts: unknown[] = [], colors: unknown[] = []): ValueMap {
  const entries = values.map((value, index) => {
    const result = { text: texts[index] as string | undefined, color: colors[index] as string | undefined, index };
    return [String(value), result] as const;
  });
  return { type: MappingType.ValueToText, options: Object.fromEntries(entries) };
}
