import type { ReactElement } from 'react';
import type { FieldDisplay } from '@grafana/data';
import { DataLinksContextMenu } from '@grafana/ui';

interface Props {
  value: FieldDisplay;
  children: (openMenu?: React.MouseEventHandler<HTMLElement>, className?: string) => ReactElement;
}

/** A value that opens its data links: one link at once, several by a menu. */
export function LinkedValue({ value, children }: Props) {
  if (!value.hasLinks || !value.getLinks) {
    return children();
  }
  return (
    <DataLinksContextMenu links={value.getLinks} style={{ flexGrow: 1 }}>
      {({ openMenu, targetClassName }) => children(openMenu, targetClassName)}
    </DataLinksContextMenu>
  );
}
