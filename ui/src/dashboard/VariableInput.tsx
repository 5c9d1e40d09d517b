import { useEffect, useMemo, useState } from 'react';
import { Combobox, Input, MultiCombobox, type ComboboxOption } from '@grafana/ui';
import type { Variable } from '../api/types';

interface Props {
  variable: Variable;
  onChange: (values: string[]) => void;
}

const ALL = '$__all';

/** All stands for itself: choosing it drops the others, choosing others drops it. */
export function chosenValues(before: string[], after: string[], hasAll: boolean): string[] {
  if (after.includes(ALL) && !before.includes(ALL)) {
    return [ALL];
  }
  const rest = after.filter((value) => value !== ALL);
  return rest.length || !hasAll ? rest : [ALL];
}

function TextInput({ variable, onChange }: Props) {
  const current = variable.type === 'adhoc' ? variable.current.value.join(', ') : (variable.current.value[0] ?? '');
  const [text, setText] = useState(current);
  useEffect(() => setText(current), [current]);
  const values = variable.type === 'adhoc' ? text.split(',').map((part) => part.trim()).filter(Boolean) : [text];
  const send = () => text !== current && onChange(values);
  return (
    <Input
      id={`var-${variable.name}`}
      width={20}
      value={text}
      placeholder={variable.type === 'adhoc' ? 'key|=|value' : undefined}
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
      onChange(chosenValues(current.value, chosen.map((option) => option.value), variable.includeAll));
    return (
      <MultiCombobox
        id={id}
        options={options}
        value={value}
        onChange={take}
        createCustomValue={allowCustomValue}
        width="auto"
        minWidth={16}
        maxWidth={48}
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
