import { standardTransformersRegistry, type DataTransformerConfig, type DataTransformerInfo } from '@grafana/data';
import { configFromDataTransformer } from './configFromData';
import { extractFieldsTransformer } from './extractFields';
import { joinByLabelsTransformer } from './joinByLabels';
import { partitionByValuesTransformer, prepareTimeSeriesTransformer } from './partition';
import { regressionTransformer } from './regression';
import { rowsToFieldsTransformer } from './rowsToFields';
import { smoothingTransformer } from './smoothing';
import { timeSeriesTableTransformer } from './timeSeriesTable';

/** Transformations that Grafana documents and its npm packages do not have. */
export const ownTransformers: DataTransformerInfo[] = [
  configFromDataTransformer,
  extractFieldsTransformer,
  joinByLabelsTransformer,
  partitionByValuesTransformer,
  prepareTimeSeriesTransformer,
  regressionTransformer,
  rowsToFieldsTransformer,
  smoothingTransformer,
  timeSeriesTableTransformer,
];

/** The transformations of a panel that nothing here can do. @grafana/data leaves them out without a word. */
export function unknownTransformations(configs: DataTransformerConfig[]): string[] {
  return configs
    .filter(({ id, disabled }) => !disabled && !standardTransformersRegistry.getIfExists(id))
    .map(({ id }) => id);
}
