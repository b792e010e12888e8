# What the scripts that run Python beside real programs have in common; sourced by them, in the top of the tree.
# shellcheck shell=bash

# shellcheck disable=SC2034  # for those who source this
readonly started=$EPOCHSECONDS
readonly script=${0##*/}
# Of this run alone, so that two do not meet: namespaces begin with it, and processes in them are this run's.
readonly prefix=kubecliff-$script-$$
child='' # what we wait for

say() { printf '[%4d s] %s\n' "$SECONDS" "$*"; }

die() {
  printf '%s: %s\n' "$script" "$*" >&2
  exit 2
}

# The comment that the script begins with.
usage() { sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "scripts/$script"; }

asks_for_help() { [[ ${1:-} == -h || ${1:-} == --help ]]; }

# build TARGET...: optimised.
build() {
  local log=build/logs/$script-build.log
  say "kubecliff: building"
  mkdir -p build/logs
  { cmake --preset release && cmake --build --preset release --target "$@"; } >"$log" ||
    {
      tail -n 20 "$log"
      die "kubecliff does not build"
    }
}

# attend COMMAND...: in a process group of its own, so that signals to us end it at once.
attend() {
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  local status=0
  wait "$child" || status=$?
  child=''
  return "$status"
}

# To be trapped by INT, TERM and HUP.
stop() {
  if [[ -n $child ]] && kill -- "-$child"; then
    wait "$child" || true
  fi
  exit 143
}

# What is left where the program was killed.
remove_namespaces() {
  local namespace
  for namespace in $(ip netns list | sed -n "s/^\($prefix-[^ ]*\).*/\1/p"); do
    ip netns pids "$namespace" | xargs --no-run-if-empty kill -9
    ip netns delete "$namespace"
  done
}
