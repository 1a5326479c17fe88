#!/usr/bin/env bash
# Writes the hash-pinned lock files from pyproject.toml. None names an index or a host.
# Usage: tools/lock.sh [uv pip compile options, such as --upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."
uv=.venv/bin/uv
compile() {
  local out=$1
  shift
  "$uv" pip compile --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-header --quiet --output-file "$out" "$@"
  # A comment may carry the path of this machine's find-links; the lock may not.
  if grep -nE '://|--(extra-)?index|--find-links|file:' "$out"; then
    echo "lock: $out names a host or an index" >&2
    exit 1
  fi
}
compile requirements/bootstrap.txt requirements/bootstrap.in "$@"
compile requirements/runtime.txt pyproject.toml "$@"
compile requirements/dev.txt pyproject.toml --extra dev --constraint requirements/runtime.txt "$@"
compile requirements/ray.txt pyproject.toml --extra ray --constraint requirements/runtime.txt "$@"
# npm writes the authors' donation pages into its lock file; the project names no host.
node -e '
const { readFileSync, writeFileSync } = require("node:fs");
const path = "console/package-lock.json";
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const each of Object.values(lock.packages)) delete each.funding;
writeFileSync(path, JSON.stringify(lock, null, 2) + "\n");'
