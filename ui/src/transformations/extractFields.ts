import { map } from 'rxjs';
import {
  FieldType,
  getFieldDisplayName,
  getFieldTypeFromValue,
  stringToJsRegex,
  type DataFrame,
  type DataTransformerInfo,
  type Field,
} from '@grafana/data';

interface JsonPath {
  path: string;
  alias?: string;
}

interface Options {
  source?: string;
  format?: 'auto' | 'json' | 'kvp' | 'regexp' | 'delimiter';
  delimiter?: string;
  regExp?: string;
  jsonPaths?: JsonPath[];
  /** Only what was extracted is left, with the time if it is to be kept. */
  replace?: boolean;
  keepTime?: boolean;
}

type Extracted = Record<string, unknown>;

/** The value at a path such as `spec.containers[0].name`. */
function follow(value: unknown, path: string): unknown {
  const steps = path.split(/[.[\]]/).filter(Boolean);
  return steps.reduce(
    (at, step) => (at !== null && typeof at === 'object' ? (at as Extracted)[step] : undefined),
    value
  );
}

function fromJson(value: unknown, paths: JsonPath[] = []): Extracted {
  const wanted = paths.filter(({ path }) => path);
  if (wanted.length) {
    return Object.fromEntries(wanted.map(({ path, alias }) => [alias || path, follow(value, path)]));
  }
  return value !== null && typeof value === 'object' ? (value as Extracted) : {};
}

const PAIR = /"?([^\s"'=:,;&{}]+)"?\s*[=:]\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s,;&{}]*))/g;

/** Pairs such as `a=1 b:"two words"`, as log lines and label sets have them. */
function fromPairs(text: string): Extracted {
  return Object.fromEntries(
    [...text.matchAll(PAIR)].map(([, key, double, single, plain]) => [
      key,
      (double ?? single ?? plain).replace(/\\(.)/g, '$1'),
    ])
  );
}

/** A column for each part, as Grafana makes them: true in the rows that have it. */
function fromParts(text: string, delimiter = ','): Extracted {
  const parts = text.split(delimiter).map((part) => part.trim());
  return Object.fromEntries(parts.filter(Boolean).map((part) => [part, true]));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A row that is no JSON has none of the fields, as in Grafana.
    return undefined;
  }
}

function extract(value: unknown, { format = 'auto', delimiter, regExp = '', jsonPaths }: Options): Extracted {
  if (typeof value !== 'string') {
    return fromJson(value, jsonPaths);
  }
  switch (format) {
    case 'regexp':
      return (regExp && stringToJsRegex(regExp).exec(value)?.groups) || {};
    case 'delimiter':
      return fromParts(value, delimiter);
    case 'kvp':
      return fromPairs(value);
    case 'json':
      return fromJson(parsed(value), jsonPaths);
    default: {
      const json = parsed(value);
      return json !== null && typeof json === 'object' ? fromJson(json, jsonPaths) : fromPairs(value);
    }
  }
}

/** Makes fields of what one field's values hold: JSON, pairs, or the groups of an expression. */
function extractFields(frame: DataFrame, options: Options): DataFrame {
  const source = frame.fields.find(
    (field) => field.name === options.source || getFieldDisplayName(field, frame) === options.source
  );
  if (!source) {
    return frame;
  }
  const columns = new Map<string, unknown[]>();
  for (let row = 0; row < frame.length; row++) {
    for (const [name, value] of Object.entries(extract(source.values[row], options))) {
      const values = columns.get(name) ?? new Array<unknown>(frame.length).fill(null);
      values[row] = value;
      columns.set(name, values);
    }
  }
  const made = [...columns].map(([name, values]): Field => ({
    name,
    values,
    type: getFieldTypeFromValue(values.find((value) => value != null)),
    config: {},
  }));
  const kept = frame.fields.filter(({ type }) => !options.replace || (options.keepTime && type === FieldType.time));
  return { ...frame, fields: [...kept, ...made] };
}

export const extractFieldsTransformer: DataTransformerInfo<Options> = {
  id: 'extractFields',
  name: 'Extract fields',
  defaultOptions: { format: 'auto', delimiter: ',', replace: false, keepTime: false },
  operator: (options) => (source) =>
    source.pipe(map((frames) => frames.map((frame) => extractFields(frame, options)))),
};
