# Two commands for newcomers: `make run` and `make test`. Both install what is missing first.
SWIFT ?= swift
BUILD_FLAGS ?=
TEST_FLAGS ?=

.PHONY: all setup build run test bench fuzz format lint clean help

all: build

help:
	@echo "make run     set up, build, and run one real job on a sample repository (REPO=/path: on yours)"
	@echo "make test    set up, build, and run every test"
	@echo "make bench   compare start-up, memory and throughput with bubblewrap, node and tee"
	@echo "make fuzz    fuzz the frame decoder for SECONDS (default 60)"
	@echo "make format  format the sources; make lint checks them"

setup:
	@scripts/setup.sh

build: setup
	$(SWIFT) build $(BUILD_FLAGS)

run: build
	@scripts/demo.sh "$$($(SWIFT) build $(BUILD_FLAGS) --show-bin-path)"

test: setup
	$(SWIFT) build $(BUILD_FLAGS)
	$(SWIFT) build --build-tests $(BUILD_FLAGS)
	$(SWIFT) test --skip-build $(BUILD_FLAGS) $(TEST_FLAGS)

bench: setup
	@Benchmarks/run.sh

SECONDS ?= 60
fuzz: setup
	@Fuzz/run.sh $(SECONDS)

SOURCES = Package.swift Sources Tests Fuzz Benchmarks/Package.swift Benchmarks/Sources

format:
	$(SWIFT) format --in-place --recursive --parallel $(SOURCES)

lint:
	$(SWIFT) format lint --strict --recursive --parallel $(SOURCES)

clean:
	$(SWIFT) package clean
