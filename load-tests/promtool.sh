#!/usr/bin/env bash
# Prints where promtool is: the machine's, or Debian's, unpacked (not installed: its package starts a daemon) outside every checkout.
#
#   promtool.sh [--install]   --install unpacks it where it is missing
#
# Exit code 2: there is none; why, stands in the last line.
set -euo pipefail
home=${XDG_CACHE_HOME:-$HOME/.cache}/foothold/promtool
lacking() { echo "promtool: CANNOT RUN: $*" >&2; exit 2; }
! command -v promtool || exit 0
if [ ! -x "$home/usr/bin/promtool" ]; then
  [ "${1:-}" = --install ] || lacking "no promtool found ($0 --install unpacks Debian's)"
  command -v apt-get > /dev/null 2>&1 && command -v dpkg > /dev/null 2>&1 || lacking "it is unpacked from Debian's package prometheus: no apt-get or dpkg here"
  part=$(mktemp -d)
  trap 'rm -rf "$part"' EXIT
  mkdir -p "$part"/{lists,archives}/partial "$home"
  own=(-qq -o "Dir::State::Lists=$part/lists" -o "Dir::Cache::Archives=$part/archives" -o APT::Sandbox::User=root)
  (cd "$part" && apt-get "${own[@]}" update && apt-get "${own[@]}" download prometheus) >&2 || lacking "apt-get cannot download prometheus: its reason stands above"
  dpkg-deb --fsys-tarfile "$part"/prometheus_*.deb | tar -x -C "$home" ./usr/bin/promtool
fi
echo "$home/usr/bin/promtool"
