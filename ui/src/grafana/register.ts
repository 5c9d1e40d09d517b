// What Grafana's application registers when it starts, and the npm packages leave empty.
import {
  locationUtil,
  standardTransformers,
  standardTransformersRegistry,
  type DataTransformerInfo,
  type GrafanaConfig,
  type TransformerRegistryItem,
} from '@grafana/data';
import { ownTransformers } from '../transformations';

const ALIASES: Record<string, string[]> = { joinByField: ['seriesToColumns'], filterFieldsByName: ['filterByName'] };

function registryItem(info: DataTransformerInfo): TransformerRegistryItem {
  return {
    id: info.id,
    aliasIds: ALIASES[info.id],
    name: info.name,
    description: info.description,
    transformation: async () => info,
    editor: () => null,
    imageDark: '',
    imageLight: '',
  };
}

export function registerGrafana(): void {
  standardTransformersRegistry.setInit(() => {
    const infos = [...Object.values<DataTransformerInfo>(standardTransformers), ...ownTransformers];
    return [...new Map(infos.map((info) => [info.id, info])).values()].map(registryItem);
  });
  locationUtil.initialize({
    // Only the address under which the page is served is read from it.
    config: { appSubUrl: '' } as GrafanaConfig,
    getTimeRangeForUrl: () => ({ from: 'now-1h', to: 'now' }),
    getVariablesUrlParams: () => ({}),
  });
}
