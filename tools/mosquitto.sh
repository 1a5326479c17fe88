#!/usr/bin/env bash
# Makes sure that a mosquitto is there for the tests of a town's own broker; silent when it is. Where
# none can be had those tests are skipped, and say so: everything else of MQTT is tested without it.
set -uo pipefail
PATH=$PATH:/usr/sbin
if command -v mosquitto >/dev/null && command -v mosquitto_pub >/dev/null; then
  exit 0
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
    echo "mosquitto: not here, and no right to install it: the tests with a town's broker are skipped." >&2
    echo "mosquitto: apt-get install mosquitto mosquitto-clients" >&2
    exit 0
  fi
  as_root="sudo -n"
fi
echo "mosquitto: installing Debian's"
# Debian starts a broker of its own with the package; the tests start theirs.
$as_root apt-get update -qq &&
  $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -qq mosquitto mosquitto-clients >/dev/null ||
  echo "mosquitto: could not be installed: the tests with a town's broker are skipped." >&2
exit 0
