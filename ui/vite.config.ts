import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const FONTS: Array<[string, number, string]> = [
  ['inter', 400, 'inter/Inter-Regular.woff2'],
  ['inter', 500, 'inter/Inter-Medium.woff2'],
  // The name under which Grafana's global styles ask for Roboto Mono.
  ['roboto-mono', 400, 'roboto/L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ.woff2'],
];

/**
 * Puts what @grafana/ui fetches at run time, its icons and fonts, into public/ (git-ignored), which is served and
 * built from.
 */
function grafanaAssets(): Plugin {
  const copy = (out: string) => {
    cpSync(here('node_modules/@grafana/ui/dist/public/img/icons'), `${out}/build/img/icons`, { recursive: true });
    // The few icons that the package names and does not have.
    cpSync(here('assets/icons'), `${out}/build/img/icons`, { recursive: true });
    cpSync(here('assets/diorama.svg'), `${out}/diorama.svg`);
    // dist is embedded into the binary, also before it was ever built: the file that holds it in git has to survive.
    writeFileSync(`${out}/.gitkeep`, '');
    for (const [family, weight, name] of FONTS) {
      mkdirSync(`${out}/fonts/${name.split('/')[0]}`, { recursive: true });
      cpSync(
        here(`node_modules/@fontsource/${family}/files/${family}-latin-${weight}-normal.woff2`),
        `${out}/fonts/${name}`
      );
    }
  };
  return { name: 'grafana-assets', config: () => copy(here('public')) };
}

const MOST_KILOBYTES = 900;

/** Fails a build whose JavaScript, all chunks together, is larger than promised. */
function sizeLimit(): Plugin {
  return {
    name: 'size-limit',
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((output) => output.type === 'chunk');
      const kilobytes = chunks.reduce((sum, { code }) => sum + gzipSync(code).length, 0) / 1000;
      const said = `JavaScript: ${kilobytes.toFixed(0)} kB gzip of at most ${MOST_KILOBYTES}`;
      if (kilobytes > MOST_KILOBYTES) {
        this.error(said);
      }
      this.info(said);
    },
  };
}

export default defineConfig({
  base: '/',
  plugins: [react(), grafanaAssets(), sizeLimit()],
  resolve: {
    alias: [
      // All of moment's time zones are 700 kB; ten years of them are enough for dashboards.
      {
        find: /^moment-timezone$/,
        replacement: here('node_modules/moment-timezone/builds/moment-timezone-with-data-10-year-range.js'),
      },
      { find: /^@monaco-editor\/react$/, replacement: here('src/stubs/monaco-react.tsx') },
      { find: /^monaco-editor$/, replacement: here('src/stubs/empty.ts') },
      { find: /^ol\/format\/WKT$/, replacement: here('src/stubs/ol-wkt.ts') },
    ],
  },
  build: { sourcemap: false, chunkSizeWarningLimit: 5000, license: { fileName: 'licenses.md' } },
  server: {
    // DIORAMA is the address of a running `diorama up`, for `npm run dev`.
    proxy: { '/api': process.env.DIORAMA ?? 'http://127.0.0.1:3000' },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing/browser.ts', 'src/testing/setup.ts'],
    // A package that names only a `module`, which Node does not look for.
    alias: { uwrap: here('node_modules/uwrap/dist/uWrap.mjs') },
    server: { deps: { inline: [/@grafana\//] } },
  },
});
