# Makefile -- the short names; the build itself is CMake's, the work of a target is in tools/.
PRESET ?= dev
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)

.PHONY: all build unit lint gen clean install

all: build

build/$(PRESET)/build.ninja: CMakeLists.txt CMakePresets.json
	cmake --preset $(PRESET)

build: build/$(PRESET)/build.ninja
	cmake --build build/$(PRESET) -j $(JOBS)

unit: build/$(PRESET)/build.ninja
	cmake --build build/$(PRESET) -j $(JOBS) --target unit_tests
	ctest --test-dir build/$(PRESET) -L unit --output-on-failure -j $(JOBS)

clean:
	rm -rf build
