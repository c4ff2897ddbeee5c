# Makefile -- the short names; the build itself is CMake's, the work of a target is in tools/.
PRESET ?= dev
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
PY = PYTHONDONTWRITEBYTECODE=1 python3

.PHONY: all build unit slt fast check check-all cov demo bench bench-suite bench-ceiling release \
	install lint torture fuzz new-op new-rule new-func clean help

all: fast

help:
	@echo 'make                      build dev and run the quick checks'
	@echo 'make demo                 release build, TPC-H 0.1, an ETL job, the 22 queries'
	@echo 'make check                all tests but the long ones;  make check-all: those too'
	@echo 'make release              build/release/penstock, build/release/libpenstock.so'
	@echo 'make install PREFIX=/usr  what is released, there (now: $(PREFIX))'
	@echo 'make bench [ARGS=]        the 22 queries against other engines (bench/README.md)'
	@echo 'make bench-suite [ARGS=]  h2o, scans, strings, sorts, windows, fixed cost, planning'
	@echo 'make bench-ceiling [ARGS=]  work larger than a memory limit, and theirs'
	@echo
	@echo 'while developing (CONTRIBUTING.md); PRESET= is dev unless given:'
	@echo 'make build | unit | lint | gen | tidy | clean'
	@echo 'make slt [TEST=path]      .test files; UPDATE=1 rewrites what they expect'
	@echo 'make torture              allocations, and calls on files, fail one after the other'
	@echo 'make cov                  line coverage by folder'
	@echo 'make fuzz TARGET=parquet [SECONDS=60]'
	@echo 'make new-op NAME=  |  new-rule NAME=  |  new-func FAMILY=string NAME='

build/%/build.ninja:
	cmake --preset $*

build: build/$(PRESET)/build.ninja
	cmake --build build/$(PRESET) -j $(JOBS)

unit: build/$(PRESET)/build.ninja
	cmake --build build/$(PRESET) -j $(JOBS) --target unit_tests
	ctest --test-dir build/$(PRESET) -L unit --output-on-failure -j $(JOBS)

TEST ?= tests/slt
slt: build
	build/$(PRESET)/slt --jobs $(JOBS) --config tests/configs/default.conf $(TEST)

fast:
	@tools/bootstrap.sh check
	@$(PY) tools/check.py fast

check:
	@tools/bootstrap.sh check
	@$(PY) tools/check.py check

check-all:
	@tools/bootstrap.sh all
	@$(PY) tools/check.py all

release:
	@tools/bootstrap.sh build
	@$(MAKE) --no-print-directory build PRESET=release

demo:
	@tools/bootstrap.sh demo
	@$(MAKE) --no-print-directory build PRESET=release
	@$(PY) tools/demo.py

bench:
	@tools/bootstrap.sh bench
	@$(MAKE) --no-print-directory build PRESET=bench
	@PS_LIBRARY=build/bench/libpenstock.so build/venv/bin/python bench/run.py $(ARGS)

bench-suite:
	@tools/bootstrap.sh bench
	@$(MAKE) --no-print-directory build PRESET=bench
	@PS_LIBRARY=build/bench/libpenstock.so build/venv/bin/python bench/suite.py $(ARGS)

bench-ceiling:
	@tools/bootstrap.sh bench
	@$(MAKE) --no-print-directory build PRESET=bench
	@PS_LIBRARY=build/bench/libpenstock.so build/venv/bin/python bench/ceiling.py $(ARGS)

install: release
	cmake --install build/release --prefix $(PREFIX)

cov:
	@tools/bootstrap.sh check
	cmake --preset cov
	cmake --build build/cov -j $(JOBS) --target all unit_tests
	@$(PY) tools/cov.py

lint:
	@$(PY) tools/lint.py

gen:
	@$(PY) tools/gen.py

tidy:
	git ls-files '*.[ch]' ':!gen' | xargs clang-format-19 -i

torture: build/asan/build.ninja
	cmake --build build/asan -j $(JOBS) --target all unit_tests
	build/asan/slt --torture all --timeout 3600 --jobs $(JOBS) \
		--config tests/configs/default.conf tests/torture
	build/asan/slt --torture all --faults --timeout 3600 --jobs $(JOBS) \
		--config tests/configs/default.conf tests/torture_io

fuzz: build/fuzz/build.ninja
	@test -f 'fuzz/$(TARGET).c' || \
		{ echo 'TARGET= is one of:' $(patsubst fuzz/%.c,%,$(wildcard fuzz/*.c)); exit 2; }
	cmake --build build/fuzz -j $(JOBS) --target fuzz_$(TARGET)
	mkdir -p build/fuzz/corpus/$(TARGET)
	build/fuzz/fuzz_$(TARGET) -max_total_time=$(or $(SECONDS),60) \
		-artifact_prefix=build/fuzz/$(TARGET)- build/fuzz/corpus/$(TARGET) \
		$(wildcard fuzz/corpus/$(TARGET))

new-op new-rule new-func:
	@$(PY) tools/new.py $(@:new-%=%) "$(NAME)" "$(FAMILY)"

clean:
	rm -rf build
