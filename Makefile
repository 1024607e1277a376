# The doors of this project. Every target does its own set-up; see README.md.

.PHONY: build demo test check bench acceptance setup

build:
	cargo build --release --locked

# Debian packages with the peers, servers and tools that the tests use.
setup:
	tests/setup

test: setup
	tests/run

check:
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

demo: setup build
	tests/demo

bench: setup build
	benches/run

acceptance: setup
	tests/acceptance/run
