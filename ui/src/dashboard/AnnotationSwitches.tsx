import { Icon, InlineSwitch } from '@grafana/ui';
import type { AnnotationLayer } from '../api/types';
import type { AnnotationQuery } from './model';
import { isEnabled } from './useAnnotations';

interface Props {
  queries: AnnotationQuery[];
  layers: AnnotationLayer[];
  switched: Readonly<Record<string, boolean>>;
  onSwitch: (name: string, on: boolean) => void;
}

/** One switch for each annotation query that does not hide its own. */
export function AnnotationSwitches({ queries, layers, switched, onSwitch }: Props) {
  const errorOf = (name: string) => layers.find((layer) => layer.name === name)?.error;
  return queries
    .filter(({ hide, name }) => !hide || errorOf(name))
    .map((query) => {
      const { name } = query;
      const error = errorOf(name);
      return (
        <div className="variable" key={name}>
          <InlineSwitch
            id={`annotation-${name}`}
            label={name}
            showLabel
            value={isEnabled(query, switched)}
            onChange={(event) => onSwitch(name, event.currentTarget.checked)}
          />
          {error && (
            <span className="variable-error" role="alert" title={error}>
              <Icon name="exclamation-triangle" size="sm" /> {error}
            </span>
          )}
        </div>
      );
    });
}
