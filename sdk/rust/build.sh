#!/bin/sh
# Compiles a filter: build.sh filter.rs filter.wasm. Needs rustc 1.63 or later with its library for
# wasm32-unknown-unknown (Debian: apt install rustc libstd-rust-dev-wasm32 lld). RUSTC names another rustc.
set -eu
if [ $# -ne 2 ]; then
  echo "Usage: build.sh <filter.rs> <filter.wasm>" >&2
  exit 2
fi
sdk=$(dirname "$0")
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
compile() {
  "${RUSTC:-rustc}" --edition 2021 --target wasm32-unknown-unknown -C opt-level=s -C panic=abort -C codegen-units=1 \
    "$@"
}
compile --crate-type rlib --crate-name postern_plugin -C linker-plugin-lto -o "$built/libpostern_plugin.rlib" "$sdk/src/lib.rs"
# 64 KiB of stack instead of 1 MiB: a fresh instance has less to make. It comes first in memory, so overflowing it traps.
compile --crate-type cdylib --crate-name filter -C lto=fat -C strip=symbols -C link-arg=-zstack-size=65536 \
  --extern postern_plugin="$built/libpostern_plugin.rlib" -o "$2" "$1"
