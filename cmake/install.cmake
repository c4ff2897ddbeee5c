# cmake/install.cmake -- `make install PREFIX=`: library, header, shell, pkg-config, CMake package.
if(NOT TARGET penstock)
    return()
endif()
include(CMakePackageConfigHelpers)
set(PS_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/penstock")

file(RELATIVE_PATH PS_PC_TO_PREFIX "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
string(REGEX REPLACE "/$" "" PS_PC_TO_PREFIX "${PS_PC_TO_PREFIX}")
configure_file(cmake/penstock.pc.in penstock.pc @ONLY)
configure_package_config_file(cmake/penstock-config.cmake.in penstock-config.cmake
    INSTALL_DESTINATION "${PS_CMAKE_DIR}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/penstock-config-version.cmake"
    COMPATIBILITY SameMinorVersion)

install(TARGETS penstock EXPORT penstock-targets)
if(TARGET penstock_shell)
    install(TARGETS penstock_shell)
endif()
install(FILES include/penstock.h TYPE INCLUDE)
install(FILES LICENSE NOTICE TYPE DOC)
install(FILES "${CMAKE_BINARY_DIR}/penstock.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(EXPORT penstock-targets NAMESPACE penstock:: DESTINATION "${PS_CMAKE_DIR}")
install(FILES "${CMAKE_BINARY_DIR}/penstock-config.cmake"
    "${CMAKE_BINARY_DIR}/penstock-config-version.cmake" DESTINATION "${PS_CMAKE_DIR}")
