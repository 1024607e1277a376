# The doors of this project. Every target does its own set-up; see README.md.

.PHONY: build demo test test-miniforge check bench acceptance setup

build:
	cargo build --release --locked

# Debian packages with the peers, servers and tools that the tests use.
setup:
	tests/setup

test: setup
	tests/run

# Needs internet and an engine: real Miniforge in a container beside our layer, file by file.
test-miniforge: build
	tests/test-miniforge

check:
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

demo: setup build
	tests/demo

bench: setup build
	benches/run

acceptance: setup
	tests/acceptance/run
