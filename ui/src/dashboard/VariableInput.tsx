import { useEffect, useMemo, useState } from 'react';
import { Combobox, Input, measureText, MultiCombobox, type ComboboxOption } from '@grafana/ui';
import type { Variable } from '../api/types';
import { filterText, readFilters } from './adhoc';
import { ALL } from './formats';

interface Props {
  variable: Variable;
  onChange: (values: string[]) => void;
}

/** All stands for itself: choosing it drops the others, choosing others drops it. */
export function chosenValues(before: string[], after: string[], hasAll: boolean): string[] {
  if (after.includes(ALL) && !before.includes(ALL)) {
    return [ALL];
  }
  const rest = after.filter((value) => value !== ALL);
  return rest.length || !hasAll ? rest : [ALL];
}

/** Widths in units of the theme's spacing, which is 8 pixels. */
const [LEAST_WIDTH, MOST_WIDTH, UNIT] = [16, 60, 8];
/** In pixels: what the component adds to a text in a pill, and what it keeps for the rest and its count of that. */
const [PILL, REST] = [50, 125];

/** Room for all that is chosen: the component itself shows no more than fits into the width it has. */
function widthFor(texts: string[]): number {
  const pixels = texts.reduce((sum, text) => sum + measureText(text, 12).width + PILL, REST);
  return Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, Math.ceil(pixels / UNIT)));
}

function TextInput({ variable, onChange }: Props) {
  const isAdhoc = variable.type === 'adhoc';
  const current = isAdhoc ? filterText(variable.current.value) : (variable.current.value[0] ?? '');
  const [text, setText] = useState(current);
  useEffect(() => setText(current), [current]);
  const values = isAdhoc ? readFilters(text) : [text];
  const send = () => values && text !== current && onChange(values);
  return (
    <Input
      id={`var-${variable.name}`}
      width={isAdhoc ? 36 : 20}
      value={text}
      invalid={!values}
      title={values ? undefined : 'Filters look like this: namespace=shop, pod!~"web.*"'}
      placeholder={isAdhoc ? 'namespace=shop, pod!~"web.*"' : undefined}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={send}
      onKeyDown={(event) => event.key === 'Enter' && send()}
    />
  );
}

export function VariableInput({ variable, onChange }: Props) {
  const { current, multi, allowCustomValue = true } = variable;
  const options = useMemo<Array<ComboboxOption<string>>>(
    () => variable.options.map(({ text, value }) => ({ label: text, value })),
    [variable.options]
  );
  if (variable.type === 'textbox' || variable.type === 'adhoc') {
    return <TextInput variable={variable} onChange={onChange} />;
  }
  const id = `var-${variable.name}`;
  if (multi) {
    const value = current.value.map((v, index) => ({ value: v, label: current.text[index] ?? v }));
    const take = (chosen: Array<ComboboxOption<string>>) =>
      onChange(
        chosenValues(
          current.value,
          chosen.map((option) => option.value),
          variable.includeAll
        )
      );
    return (
      <MultiCombobox
        id={id}
        options={options}
        value={value}
        onChange={take}
        createCustomValue={allowCustomValue}
        width="auto"
        minWidth={widthFor(current.text)}
        maxWidth={MOST_WIDTH}
      />
    );
  }
  const value = current.value.length ? { value: current.value[0], label: current.text[0] ?? current.value[0] } : null;
  return (
    <Combobox
      id={id}
      options={options}
      value={value}
      onChange={(option) => onChange([option.value])}
      createCustomValue={allowCustomValue && variable.type === 'query'}
      width="auto"
      minWidth={12}
      maxWidth={40}
    />
  );
}
