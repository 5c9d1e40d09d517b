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

export function VariablesBar({ variables, links }: { variables: Variable[]; links: DashboardLink[] }) {
  const shown = variables.filter(({ hide, type }) => hide !== HIDDEN && type !== 'constant');
  if (!shown.length && !links.length) {
    return null;
  }
  return (
    <div className="variables" role="group" aria-label="Variables">
      {shown.map((variable) => (
        <div className="variable" key={variable.name} title={variable.description || undefined}>
          {variable.hide !== WITHOUT_LABEL && <label htmlFor={`var-${variable.name}`}>{variable.label || variable.name}</label>}
          <VariableInput variable={variable} onChange={(values) => choose(variable, values)} />
          {variable.error && (
            <span className="variable-error" role="alert" title={variable.error}>
              {variable.error}
            </span>
          )}
        </div>
      ))}
      <DashboardLinks links={links} />
    </div>
  );
}
