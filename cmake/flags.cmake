# cmake/flags.cmake -- build types and compiler flags, the only place that names them.
#
# Build types are the presets: Dev, Asan, Tsan, Release, Fuzz, Bench, Cov. PS_DEV turns assertions
# on. Results must not depend on the build, so no fast-math and no contraction anywhere.
set(PS_BUILD_TYPES Dev Asan Tsan Release Fuzz Bench Cov)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Dev CACHE STRING "one of ${PS_BUILD_TYPES}" FORCE)
endif()
if(NOT CMAKE_BUILD_TYPE IN_LIST PS_BUILD_TYPES)
    message(FATAL_ERROR "CMAKE_BUILD_TYPE is '${CMAKE_BUILD_TYPE}', not one of ${PS_BUILD_TYPES}")
endif()

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

find_program(PS_CCACHE ccache)
if(PS_CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER "${PS_CCACHE}")
endif()

set(CMAKE_C_FLAGS_DEV "-Og -g -DPS_DEV")
set(CMAKE_C_FLAGS_ASAN "-O1 -g -DPS_DEV -DPS_ASAN -fno-omit-frame-pointer \
-fsanitize=address,undefined -fno-sanitize-recover=all")
set(CMAKE_C_FLAGS_TSAN "-O1 -g -DPS_DEV -DPS_TSAN -fno-omit-frame-pointer -fsanitize=thread")
set(CMAKE_C_FLAGS_RELEASE "-O3 -g1 -DNDEBUG")
# pointer-overflow: clang counts null + 0, which gcc doesn't and the next C allows
set(CMAKE_C_FLAGS_FUZZ "-O1 -g -DPS_DEV -DPS_ASAN -fno-omit-frame-pointer \
-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=pointer-overflow \
-fno-sanitize-recover=all")
set(CMAKE_C_FLAGS_BENCH "-O3 -g -DNDEBUG -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_COV "-O1 -g -DPS_DEV --coverage")

string(TOUPPER "${CMAKE_BUILD_TYPE}" PS_BUILD_TYPE)
option(PS_WERROR "warnings are errors" OFF)

# Everything that is compiled; the libraries of src/ add their own below.
add_compile_options(-ffp-contract=off -fno-math-errno)
add_compile_definitions(_GNU_SOURCE)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    set(PS_X86 ON)
    add_compile_options(-march=x86-64-v2)
endif()

add_library(ps_warnings INTERFACE)
target_compile_options(ps_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow
    -Wstrict-prototypes -Wmissing-prototypes -Wvla
    $<$<C_COMPILER_ID:Clang>:-Wno-gnu-folding-constant>
    $<$<BOOL:${PS_WERROR}>:-Werror>)

# Instrumented code hides from gcc which branches go together; dev and release do see this warning.
if(CMAKE_BUILD_TYPE MATCHES "^(Asan|Tsan|Fuzz|Cov)$" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(ps_warnings INTERFACE -Wno-maybe-uninitialized)
endif()

# What generators write is correct, not pretty.
set(PS_GENERATED_OPTIONS -DNDEBUG -Wno-conversion -Wno-sign-conversion -Wno-shadow
    -Wno-unused-parameter
    -Wno-unused-variable -Wno-unused-function -Wno-unused-but-set-variable -Wno-missing-prototypes
    -Wno-implicit-fallthrough -Wno-sign-compare)

# Kernels are optimised even where everything else is built for the debugger.
if(CMAKE_BUILD_TYPE MATCHES "^(Asan|Tsan|Cov|Fuzz)$")
    set(PS_KERNEL_OPTIONS -O2)
else()
    set(PS_KERNEL_OPTIONS -O3)
endif()
