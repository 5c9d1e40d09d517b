import {
  dateTimeFormat,
  urlUtil,
  type DataContextScopedVar,
  type InterpolateFunction,
  type ScopedVars,
} from '@grafana/data';
import type { Variable } from '../api/types';
import { ALL, format, queryParam, single, type Value } from './formats';
import { fromContext, type RowContext } from './rowContext';

export interface Surroundings {
  variables: Variable[];
  scopedVars?: ScopedVars;
  from: string;
  to: string;
}

const PATH = /(?:\.[^:^{}[\]]+|\["[^"]*"\]|\['[^']*'\]|\[[^\]"']*\])*/.source;
/** $name, [[name:format]] and ${name.path["of it"]:format} */
const REFERENCE = new RegExp(String.raw`\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(${PATH})(?::([^}]+))?\}`, 'g');

/** What is chosen of a variable. */
function chosen({ multi, current, options, allValue }: Variable): Value {
  if (current.value.length !== 1 || current.value[0] !== ALL) {
    return { text: current.text, value: current.value, isList: multi };
  }
  if (allValue) {
    return { text: current.text, value: [allValue], isList: false, isAll: true, isOwn: true };
  }
  const values = options.map(({ value }) => value).filter((value) => value !== ALL);
  return { text: current.text, value: values, isList: true, isAll: true };
}

function scoped(scopedVars: ScopedVars | undefined, name: string): Value | undefined {
  const found = scopedVars?.[name];
  if (found?.value === undefined || name === '__dataContext') {
    return undefined;
  }
  const list = (x: unknown) => (Array.isArray(x) ? x.map(String) : [String(x)]);
  return { text: list(found.text ?? found.value), value: list(found.value), isList: Array.isArray(found.value) };
}

/** The address part that carries all variables to another dashboard. */
export function variablesQuery({ variables, scopedVars }: Surroundings): string {
  return variables
    .map((v) => queryParam(v.name, scoped(scopedVars, v.name) ?? chosen(v)))
    .filter(Boolean)
    .join('&');
}

export function timeQuery({ from, to }: Surroundings): string {
  return urlUtil.toUrlParams({ from, to });
}

/** What a part of a variable is: its text, its value; others it has not. */
function partOf(value: Value, path: string): Value {
  switch (path) {
    case '':
    case '.value':
      return value;
    case '.text':
      return { text: value.text, value: value.text, isList: value.isList };
    default:
      return single('');
  }
}

interface Absolute {
  from: number;
  to: number;
  timeZone?: string;
}

function builtIn(name: string, around: Surroundings, { from, to, timeZone }: Absolute): Value | string | undefined {
  const moment = (time: number) => single(String(time), dateTimeFormat(time, { timeZone }));
  switch (name) {
    case '__from':
      return moment(from);
    case '__to':
      return moment(to);
    case '__url_time_range':
      return timeQuery(around);
    case '__all_variables':
      return variablesQuery(around);
    default:
      return undefined;
  }
}

/** The function that puts values for variables into texts and addresses of a panel. */
export function interpolator(around: Surroundings, absolute: Absolute): InterpolateFunction {
  return (text, extra, fallbackFormat) => {
    if (!text || !/[$[]/.test(text)) {
      return text ?? '';
    }
    const scopedVars = { ...around.scopedVars, ...extra };
    const context = (extra?.__dataContext as DataContextScopedVar | undefined)?.value as RowContext | undefined;
    return text.replace(REFERENCE, (whole, a, b, bFormat, c, path: string = '', cFormat?: string) => {
      const name: string = a ?? b ?? c;
      const how: string | undefined = bFormat ?? cFormat;
      const usual = how ?? (typeof fallbackFormat === 'string' ? fallbackFormat : undefined);
      const special = context && name.startsWith('__') ? fromContext(name + path, context) : undefined;
      if (special !== undefined) {
        // Inside an address a value must not become part of the address' structure; one that is the address stays.
        const inAddress = usual === 'uriencode' && !text.startsWith('${__');
        return format(name, single(special), inAddress ? 'percentencode' : how);
      }
      const variable = around.variables.find((v) => v.name === name);
      const found =
        scoped(scopedVars, name) ?? (variable ? chosen(variable) : undefined) ?? builtIn(name, around, absolute);
      if (typeof found === 'string') {
        return found;
      }
      return found ? format(name, partOf(found, path), usual, absolute.timeZone) : whole;
    });
  };
}
