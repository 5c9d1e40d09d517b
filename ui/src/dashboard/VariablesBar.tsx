import type { ReactNode } from 'react';
import type { Variable } from '../api/types';
import { setQuery } from '../router';
import { DashboardLinks } from './DashboardLinks';
import type { DashboardLink } from './model';
import { writeVariable } from './urlState';
import { VariableInput } from './VariableInput';

const HIDDEN = 2;
const WITHOUT_LABEL = 1;

function choose(variable: Variable, values: string[]): void {
  setQuery((query) => writeVariable(query, variable.name, values));
}

interface Props {
  variables: Variable[];
  links: DashboardLink[];
  /** What stands behind the variables. */
  children?: ReactNode;
}

/** What a dashboard is controlled by: its variables, switches, and links. */
export function VariablesBar({ variables, links, children }: Props) {
  const shown = variables.filter(({ hide, type }) => hide !== HIDDEN && type !== 'constant');
  return (
    <div className="variables" role="group" aria-label="Variables">
      {shown.map((variable) => (
        <div
          className="variable"
          key={variable.name}
          title={
            [variable.description, variable.multi && variable.current.text.join(' + ')].filter(Boolean).join('\n') ||
            undefined
          }
        >
          {variable.hide !== WITHOUT_LABEL && (
            <label htmlFor={`var-${variable.name}`}>{variable.label || variable.name}</label>
          )}
          <VariableInput variable={variable} onChange={(values) => choose(variable, values)} />
          {variable.error && (
            <span className="variable-error" role="alert" title={variable.error}>
              {variable.error}
            </span>
          )}
        </div>
      ))}
      {children}
      <DashboardLinks links={links} />
    </div>
  );
}
