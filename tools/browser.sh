#!/usr/bin/env bash
# Makes sure that a Chromium is there for the browser tests; silent when it is.
set -euo pipefail
found=${TOCSIN_CHROMIUM:-$(command -v chromium || true)}
if [ -n "$found" ] && [ -x "$found" ]; then
  exit 0
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
    echo "browser: no Chromium, and no right to install one: the tests of the screens are skipped." >&2
    echo "browser: apt-get install chromium, or set TOCSIN_CHROMIUM" >&2
    [ -z "${CI:-}" ]
    exit
  fi
  as_root="sudo -n"
fi
echo "browser: installing Debian's Chromium"
$as_root apt-get update -qq
# The residents' pages use the reader's own fonts: a Chinese one, for those who look at the pictures.
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-droid-fallback >/dev/null
