import type { InterpolateFunction } from '@grafana/data';
import { Icon, Tooltip } from '@grafana/ui';
import { useDashboardState } from './context';
import { carry } from './links';
import type { Panel } from './model';
import { ownTimeText } from './panelTime';
import { rangeText } from './urlState';

interface Props {
  panel: Panel;
  interpolate: InterpolateFunction;
}

/** What stands next to a panel's title: its links, and its own time range if it has one. */
export function PanelLinks({ panel, interpolate }: Props) {
  const { range, resolved } = useDashboardState();
  const around = { variables: resolved.variables, scopedVars: panel.scopedVars, ...rangeText(range) };
  const ownTime = ownTimeText(range, panel);
  return (
    <>
      {(panel.links ?? []).map((link) => (
        <Tooltip key={`${link.title}${link.url}`} content={interpolate(link.title ?? link.url ?? '')}>
          <a
            className="panel-link"
            href={carry(interpolate(link.url ?? '', undefined, 'uriencode'), link, around)}
            target={link.targetBlank ? '_blank' : undefined}
            rel="noreferrer"
            aria-label={interpolate(link.title ?? link.url ?? '')}
          >
            <Icon name="external-link-alt" size="sm" />
          </a>
        </Tooltip>
      ))}
      {ownTime && !panel.hideTimeOverride && (
        <span className="panel-time">
          <Icon name="clock-nine" size="sm" /> {ownTime}
        </span>
      )}
    </>
  );
}
