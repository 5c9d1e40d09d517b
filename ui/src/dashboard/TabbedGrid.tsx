import { useMemo } from 'react';
import { Tab, TabsBar } from '@grafana/ui';
import { setQuery, usePlace } from '../router';
import { Grid } from './Grid';
import type { Panel } from './model';

export interface PanelTab {
  title: string;
  /** What names the tab in the address. */
  slug: string;
  panels: Panel[];
}

/** The tabs of a dashboard, none if it has no tabs. What stands before the first is in all of them. */
export function tabsOf(panels: Panel[]): PanelTab[] {
  const above: Panel[] = [];
  const tabs: PanelTab[] = [];
  for (const panel of panels) {
    if (panel.type === 'row' && panel.tab) {
      const title = panel.title || 'Tab';
      const plain = title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-');
      const slug = tabs.some((tab) => tab.slug === plain) ? `${plain}-${tabs.length}` : plain;
      tabs.push({ title, slug, panels: [...above] });
    } else {
      (tabs.at(-1)?.panels ?? above).push(panel);
    }
  }
  return tabs;
}

/** The panels, or those of the tab that the address names, as Grafana writes it: `dtab`. */
export function TabbedGrid({ panels }: { panels: Panel[] }) {
  const asked = usePlace().query.get('dtab');
  const tabs = useMemo(() => tabsOf(panels), [panels]);
  if (!tabs.length) {
    return <Grid panels={panels} />;
  }
  const active = tabs.find(({ slug }) => slug === asked) ?? tabs[0];
  return (
    <>
      <TabsBar className="tabs">
        {tabs.map((tab) => (
          <Tab
            key={tab.slug}
            label={tab.title}
            active={tab === active}
            onChangeTab={() => setQuery((query) => query.set('dtab', tab.slug))}
          />
        ))}
      </TabsBar>
      <Grid panels={active.panels} />
    </>
  );
}
