import { lastValueFrom } from 'rxjs';
import { transformDataFrame, type DataFrame, type DataTransformerConfig } from '@grafana/data';

const interpolate = (text?: string) => text ?? '';

/** Frames after transformations. */
export function transformed(frames: DataFrame[], ...configs: DataTransformerConfig[]): Promise<DataFrame[]> {
  return lastValueFrom(transformDataFrame(configs, frames, { interpolate }));
}
