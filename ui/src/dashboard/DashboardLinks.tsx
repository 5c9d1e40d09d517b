import { Dropdown, Icon, Menu, ToolbarButton } from '@grafana/ui';
import { useGet } from '../api/client';
import type { SearchHit } from '../api/types';
import { navigate } from '../router';
import { useDashboardState } from './context';
import { interpolator, type Surroundings } from './interpolate';
import { carry } from './links';
import type { DashboardLink } from './model';
import { rangeText } from './urlState';

interface Resolved {
  title: string;
  href: string;
  blank: boolean;
}

function LinkAnchor({ title, href, blank }: Resolved) {
  return (
    <a className="dashboard-link" href={href} target={blank ? '_blank' : undefined} rel="noreferrer">
      <Icon name="external-link-alt" size="sm" /> {title}
    </a>
  );
}

function TaggedDashboards({ link, around }: { link: DashboardLink; around: Surroundings }) {
  const tags = (link.tags ?? []).map((tag) => `&tag=${encodeURIComponent(tag)}`).join('');
  const { data = [] } = useGet<SearchHit[]>(`/api/search?type=dash-db&limit=100${tags}`);
  const items = data.map(({ title, url }) => ({
    title,
    href: carry(url, link, around),
    blank: link.targetBlank ?? false,
  }));
  if (!link.asDropdown) {
    return items.map((item) => <LinkAnchor key={item.href} {...item} />);
  }
  const open = (item: Resolved) => (item.blank ? window.open(item.href, '_blank', 'noreferrer') : navigate(item.href));
  const menu = () => (
    <Menu>
      {items.map((item) => (
        <Menu.Item key={item.href} label={item.title} onClick={() => open(item)} />
      ))}
    </Menu>
  );
  return (
    <Dropdown overlay={menu}>
      <ToolbarButton icon="bars" variant="canvas" isOpen={false}>
        {link.title || 'Dashboards'}
      </ToolbarButton>
    </Dropdown>
  );
}

/** The links of a dashboard: single addresses, or all dashboards with certain tags. */
export function DashboardLinks({ links }: { links: DashboardLink[] }) {
  const { resolved, range, timeZone } = useDashboardState();
  const around: Surroundings = { variables: resolved.variables, ...rangeText(range) };
  const interpolate = interpolator(around, { from: range.from.valueOf(), to: range.to.valueOf(), timeZone });
  return (
    <div className="dashboard-links">
      {links.map((link, index) =>
        link.type === 'dashboards' ? (
          <TaggedDashboards key={index} link={link} around={around} />
        ) : (
          <LinkAnchor
            key={index}
            title={interpolate(link.title ?? link.url ?? '')}
            href={carry(interpolate(link.url ?? '', undefined, 'uriencode'), link, around)}
            blank={link.targetBlank ?? false}
          />
        )
      )}
    </div>
  );
}
