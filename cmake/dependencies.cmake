# cmake/dependencies.cmake -- the libraries we stand on, in one interface target `ps_deps`.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

add_library(ps_deps INTERFACE)
foreach(module IN ITEMS libpcre2-8 libzstd liblz4 libbrotlidec libbrotlienc libdeflate libutf8proc
        libxxhash)
    string(MAKE_C_IDENTIFIER "PS_${module}" prefix)
    pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET ${module})
    target_link_libraries(ps_deps INTERFACE PkgConfig::${prefix})
endforeach()

# Debian 12's snappy has no .pc file with usable C flags everywhere: look for the C header.
find_path(PS_SNAPPY_INCLUDE snappy-c.h REQUIRED)
find_library(PS_SNAPPY_LIBRARY snappy REQUIRED)
target_include_directories(ps_deps SYSTEM INTERFACE "${PS_SNAPPY_INCLUDE}")
target_link_libraries(ps_deps INTERFACE "${PS_SNAPPY_LIBRARY}" Threads::Threads m
    ${CMAKE_DL_LIBS}) # dlopen: libcrypto, where temporary files are to be encrypted

pkg_check_modules(PS_LIBEDIT IMPORTED_TARGET libedit) # the shell only
pkg_check_modules(PS_CMOCKA IMPORTED_TARGET cmocka)   # the tests only
