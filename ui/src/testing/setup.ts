import { afterEach, beforeAll } from 'vitest';
import { cleanup } from '@testing-library/react';
import { initPluginTranslations } from '@grafana/i18n';
import '../grafana/publicPath';
import { registerGrafana } from '../grafana/register';
import { drawn } from './browser';

beforeAll(async () => {
  registerGrafana();
  await initPluginTranslations('diorama');
});

afterEach(() => {
  cleanup();
  drawn.texts.length = 0;
  drawn.rectangles.length = 0;
});
