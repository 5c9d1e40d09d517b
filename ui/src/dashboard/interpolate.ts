import {
  dateTimeFormat,
  formattedValueToString,
  getFieldDisplayName,
  type DataContextScopedVar,
  type DataFrame,
  type DisplayValue,
  type Field,
  type InterpolateFunction,
  type ScopedVars,
} from '@grafana/data';
import type { Variable } from '../api/types';

export interface Surroundings {
  variables: Variable[];
  scopedVars?: ScopedVars;
  from: string;
  to: string;
}

interface Value {
  text: string[];
  value: string[];
}

const REFERENCE = /\$(\w+)|\[\[(\w+)(?::(\w+))?\]\]|\$\{([^}:]+)(?::([^}]+))?\}/g;
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const escapeRegex = (text: string) => text.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&');

function several(values: string[], separator: string, open = '', close = ''): string {
  return values.length === 1 ? values[0] : open + values.join(separator) + close;
}

/** Formats of `${name:format}` as Grafana's documentation describes them. */
function format(name: string, { text, value }: Value, how: string | undefined): string {
  switch (how) {
    case 'csv':
    case 'raw':
      return value.join(',');
    case 'pipe':
      return value.join('|');
    case 'regex':
      return several(value.map(escapeRegex), '|', '(', ')');
    case 'json':
      return JSON.stringify(value.length === 1 ? value[0] : value);
    case 'text':
      return text.join(' + ');
    case 'queryparam':
      return value.map((v) => `var-${encode(name)}=${encode(v)}`).join('&');
    case 'percentencode':
      return encode(several(value, ',', '{', '}'));
    case 'uriencode':
      return encodeURI(several(value, ',', '{', '}'));
    case 'singlequote':
      return value.map((v) => `'${v.replace(/'/g, "\\'")}'`).join(',');
    case 'doublequote':
      return value.map((v) => `"${v.replace(/"/g, '\\"')}"`).join(',');
    default:
      return several(value, ',', '{', '}');
  }
}

function single(text: string): Value {
  return { text: [text], value: [text] };
}

function dateValue(milliseconds: number, how = '', timeZone: string | undefined): string {
  const [, form] = /^date(?::(.*))?$/.exec(how) ?? [];
  switch (form ?? how) {
    case 'date':
    case 'iso':
      return new Date(milliseconds).toISOString();
    case 'seconds':
      return String(Math.round(milliseconds / 1000));
    default:
      return form && form !== 'ms' ? dateTimeFormat(milliseconds, { format: form, timeZone }) : String(milliseconds);
  }
}

interface Context {
  frame: DataFrame;
  field: Field;
  rowIndex?: number;
  calculatedValue?: DisplayValue;
}

function display(field: Field, value: unknown): string {
  return field.display ? formattedValueToString(field.display(value)) : String(value ?? '');
}

function valueOfRow(context: Context, part: string): string {
  const { field, frame, rowIndex = 0, calculatedValue } = context;
  const raw: unknown = field.values[rowIndex];
  switch (part) {
    case 'time':
      return String(frame.fields.find(({ type }) => type === 'time')?.values[rowIndex] ?? '');
    case 'text':
      return calculatedValue ? formattedValueToString(calculatedValue) : display(field, raw);
    case 'numeric':
      return String(calculatedValue?.numeric ?? raw ?? '');
    case 'calc':
      return calculatedValue?.title ?? '';
    default:
      return String(calculatedValue?.numeric ?? raw ?? '');
  }
}

function pathPart(text: string): string {
  return text.replace(/^\[?["']?|["']?\]?$/g, '');
}

/** Values that only the place of a click knows: `__value.raw`, `__field.labels.pod`, `__data.fields["Pod"]`. */
function fromContext(reference: string, context: Context): string | undefined {
  const { field, frame } = context;
  const [, root, rest = ''] = /^(__\w+)[.]?(.*)$/.exec(reference) ?? [];
  if (root === '__value') {
    return valueOfRow(context, rest);
  }
  if (root === '__series' && rest === 'name') {
    return getFieldDisplayName(field, frame);
  }
  if (root === '__field') {
    if (rest.startsWith('labels')) {
      return field.labels?.[pathPart(rest.slice('labels'.length).replace(/^\./, ''))] ?? '';
    }
    return rest === 'displayName' ? getFieldDisplayName(field, frame) : field.name;
  }
  if (root === '__data') {
    return fromRow(rest, context);
  }
  return undefined;
}

function fromRow(path: string, { frame, rowIndex = 0 }: Context): string | undefined {
  const match = /^fields(?:\["([^"]+)"\]|\['([^']+)'\]|\[(\d+)\]|\.([^.]+))(?:\.(text|numeric|raw))?$/.exec(path);
  if (!match) {
    return undefined;
  }
  const [, double, quoted, index, dotted, part] = match;
  const name = double ?? quoted ?? dotted;
  const field = index
    ? frame.fields[Number(index)]
    : frame.fields.find((f) => f.name === name || getFieldDisplayName(f, frame) === name);
  if (!field) {
    return '';
  }
  const raw: unknown = field.values[rowIndex];
  return part === 'text' ? display(field, raw) : String(raw ?? '');
}

function scoped(scopedVars: ScopedVars | undefined, name: string): Value | undefined {
  const found = scopedVars?.[name];
  if (found?.value === undefined || name === '__dataContext') {
    return undefined;
  }
  const list = (x: unknown) => (Array.isArray(x) ? x.map(String) : [String(x)]);
  return { text: list(found.text ?? found.value), value: list(found.value) };
}

/** The address part that carries all variables to another dashboard. */
export function variablesQuery({ variables, scopedVars }: Surroundings): string {
  return variables
    .flatMap((v) => {
      const values = scoped(scopedVars, v.name)?.value ?? v.current.value;
      return values.map((value) => `var-${encode(v.name)}=${encode(value)}`);
    })
    .join('&');
}

export function timeQuery({ from, to }: Surroundings): string {
  return `from=${encode(from)}&to=${encode(to)}`;
}

/** The function that puts values for variables into texts and addresses of a panel. */
export function interpolator(
  around: Surroundings,
  absolute: { from: number; to: number; timeZone?: string }
): InterpolateFunction {
  const builtIn: Record<string, () => string> = {
    __url_time_range: () => timeQuery(around),
    __all_variables: () => variablesQuery(around),
  };
  return (text, extra, fallbackFormat) => {
    if (!text || !/[$[]/.test(text)) {
      return text ?? '';
    }
    const scopedVars = { ...around.scopedVars, ...extra };
    const context = (extra?.__dataContext as DataContextScopedVar | undefined)?.value as Context | undefined;
    return text.replace(REFERENCE, (whole, a, b, bFormat, c, cFormat) => {
      const name: string = a ?? b ?? c;
      const how: string | undefined = bFormat ?? cFormat;
      if (builtIn[name]) {
        return builtIn[name]();
      }
      if (name === '__from' || name === '__to') {
        return dateValue(name === '__from' ? absolute.from : absolute.to, how, absolute.timeZone);
      }
      const usual = how ?? (typeof fallbackFormat === 'string' ? fallbackFormat : undefined);
      const special = context && name.startsWith('__') ? fromContext(name, context) : undefined;
      if (special !== undefined) {
        // Inside an address a value must not become part of the address' structure; one that is the address stays.
        const inAddress = usual === 'uriencode' && !text.startsWith('${__');
        return format(name, single(special), inAddress ? 'percentencode' : how);
      }
      const found = scoped(scopedVars, name) ?? around.variables.find((v) => v.name === name)?.current;
      return found ? format(name, found, usual) : whole;
    });
  };
}
