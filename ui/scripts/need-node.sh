#!/bin/sh
# Says what is missing, and how to get it, where the page cannot be built:
# Vite 8 needs Node 20.19, 22.12 or newer.
set -u

advice='  Debian 13, Ubuntu 25.04 and newer:  apt-get install nodejs npm
  macOS:                              brew install node
  anything else:                      https://nodejs.org/en/download
Without Node, `go build .` makes a binary that has everything but the page.'

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	printf 'The page of diorama is built with Node and npm, and they are not installed (20.19, 22.12 or newer).\n%s\n' "$advice" >&2
	exit 1
fi
if ! node -e '
	const [major, minor] = process.versions.node.split(".").map(Number);
	process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1);
'; then
	printf 'The page of diorama is built with Node 20.19, 22.12 or newer; %s is %s.\n%s\n' "$(command -v node)" "$(node --version)" "$advice" >&2
	exit 1
fi
