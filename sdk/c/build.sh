#!/bin/sh
# Compiles a filter: build.sh filter.c filter.wasm. Needs clang and wasm-ld (Debian: apt install clang lld).
set -eu
if [ $# -ne 2 ]; then
  echo "Usage: build.sh <filter.c> <filter.wasm>" >&2
  exit 2
fi
object=$(mktemp)
trap 'rm -f "$object"' EXIT
# In two steps: clang as a linker runs whatever wasm-opt is on the PATH, and an old one breaks the module.
clang --target=wasm32 -mbulk-memory -O2 -Wall -Wextra -I"$(dirname "$0")" -c -o "$object" "$1"
# The stack comes first in memory, so that overflowing it traps instead of overwriting data.
wasm-ld --no-entry --strip-all --stack-first -o "$2" "$object"
