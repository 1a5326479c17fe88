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
    echo "browser: Chromium is missing: apt-get install chromium, or set TOCSIN_CHROMIUM" >&2
    exit 1
  fi
  as_root="sudo -n"
fi
echo "browser: installing Debian's Chromium"
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
