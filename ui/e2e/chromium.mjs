// The browser of the tests: $CHROMIUM, or this machine's, or Playwright's own. Run as a program it says which one that
// is, and has Playwright fetch its own where there is none.
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MACOS = ['Chromium', 'Google Chrome'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);

function executable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The browser that is to be started; undefined is Playwright's own. */
export function chromiumPath() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const installed = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return process.env.CHROMIUM || [...installed, ...MACOS].find(executable);
}

/** Fetches Playwright's own browser, or ends with what to do. */
function fetchChromium() {
  console.log('browser: none is installed; Playwright fetches its own, once');
  const fetched = spawnSync('npx', ['playwright-core', 'install', '--only-shell', 'chromium'], { stdio: 'inherit' });
  if (fetched.status !== 0) {
    console.error(`The tests of the page want a browser, and Playwright could not fetch one. Install it yourself:
  Debian, Ubuntu:  apt-get install chromium
  macOS:           brew install --cask chromium
  anywhere else:   any Chromium or Chrome, and name its program in CHROMIUM`);
    process.exit(1);
  }
}

function main() {
  const path = chromiumPath();
  if (!path) {
    fetchChromium();
    return;
  }
  // What a wrapper script complains about is not what was asked.
  const stdio = ['ignore', 'pipe', 'ignore'];
  const version = execFileSync(path, ['--version', '--no-sandbox'], { encoding: 'utf8', stdio }).trim();
  console.log(`browser: ${version} (${path})`);
}

if (process.argv[1] === import.meta.filename) {
  main();
}
