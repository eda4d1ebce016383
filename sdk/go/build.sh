#!/bin/sh
# Compiles a filter: build.sh filter.go filter.wasm, or build.sh <folder of a module> filter.wasm. Needs Go 1.24 or later; GO names
# another go.
set -eu
if [ $# -ne 2 ]; then
  echo "Usage: build.sh <filter.go | folder> <filter.wasm>" >&2
  exit 2
fi
sdk=$(cd "$(dirname "$0")" && pwd)
target=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
export GOOS=wasip1 GOARCH=wasm GOTOOLCHAIN=local
if [ -d "$1" ]; then
  cd "$1"
else
  built=$(mktemp -d)
  trap 'rm -rf "$built"' EXIT
  cp "$1" "$built/main.go"
  printf 'module filter\n\ngo 1.24\n\nrequire postern-plugin v0.0.0\n\nreplace postern-plugin => %s\n' "$sdk" >"$built/go.mod"
  cd "$built"
  # Nothing is fetched: not another Go, not a module, not a checksum.
  export GOPROXY=off GOFLAGS=-mod=mod
fi
"${GO:-go}" build -buildmode=c-shared -trimpath -ldflags='-s -w' -o "$target" .
