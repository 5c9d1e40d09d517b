import { standardTransformersRegistry, type DataTransformerConfig, type DataTransformerInfo } from '@grafana/data';
import { configFromDataTransformer } from './configFromData';
import { partitionByValuesTransformer, prepareTimeSeriesTransformer } from './partition';
import { rowsToFieldsTransformer } from './rowsToFields';

/** Transformations that Grafana documents and its npm packages do not have. */
export const ownTransformers: DataTransformerInfo[] = [
  configFromDataTransformer,
  partitionByValuesTransformer,
  prepareTimeSeriesTransformer,
  rowsToFieldsTransformer,
];

/** The transformations of a panel that nothing here can do. @grafana/data leaves them out without a word. */
export function unknownTransformations(configs: DataTransformerConfig[]): string[] {
  return configs.filter(({ id, disabled }) => !disabled && !standardTransformersRegistry.getIfExists(id)).map(({ id }) => id);
}
