# cmake/folders.cmake -- folders of src/ as libraries; kernels once per x86-64 level.
#
# PS_FOLDERS lists the libraries made, lowest first. ps_<folder>_objects holds a folder's own
# objects, ps_<folder> is the static library of them and depends on every folder below it.
# A folder without sources (headers only, or not there yet) is an interface library.

# Compiles every *.kern.c of a folder for each level; the file names its exported table
# PS_CAT(..._v, PS_CPU_LEVEL), and the folder picks one at start-up.
function(ps_kernels name files out)
    set(objects)
    if(PS_X86)
        set(levels 2 3 4)
    else()
        set(levels 0)
    endif()
    foreach(level IN LISTS levels)
        set(target ps_${name}_kernels_v${level})
        add_library(${target} OBJECT ${files})
        target_compile_definitions(${target} PRIVATE PS_BUILD PS_CPU_LEVEL=${level})
        target_compile_options(${target} PRIVATE ${PS_KERNEL_OPTIONS})
        if(level GREATER 2)
            target_compile_options(${target} PRIVATE -march=x86-64-v${level})
        endif()
        if(level EQUAL 4)
            target_compile_options(${target} PRIVATE -mprefer-vector-width=512)
        endif()
        ps_includes(${target})
        list(APPEND objects $<TARGET_OBJECTS:${target}>)
    endforeach()
    set(${out} ${objects} PARENT_SCOPE)
endfunction()

function(ps_includes target)
    target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}/include"
        "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}/gen")
    target_link_libraries(${target} PRIVATE ps_warnings ps_deps)
endfunction()

# One folder (path under src/): its library, on top of all folders made so far.
function(ps_folder path recurse)
    string(REPLACE "/" "_" name "${path}")
    set(glob GLOB)
    if(recurse)
        set(glob GLOB_RECURSE)
    endif()
    file(${glob} sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${path}/*.c")
    file(${glob} generated CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/gen/${path}/*.c")
    set(kernels ${sources})
    list(FILTER kernels INCLUDE REGEX "\\.kern\\.c$")
    list(FILTER sources EXCLUDE REGEX "\\.kern\\.c$")
    set_source_files_properties(${generated} PROPERTIES COMPILE_OPTIONS "${PS_GENERATED_OPTIONS}")

    set(objects)
    if(sources OR generated)
        add_library(ps_${name}_objects OBJECT ${sources} ${generated})
        target_compile_definitions(ps_${name}_objects PRIVATE PS_BUILD)
        ps_includes(ps_${name}_objects)
        list(APPEND objects $<TARGET_OBJECTS:ps_${name}_objects>)
    endif()
    if(kernels)
        ps_kernels(${name} "${kernels}" kernel_objects)
        list(APPEND objects ${kernel_objects})
    endif()

    set(below ${PS_FOLDERS})
    list(REVERSE below)
    list(TRANSFORM below PREPEND ps_)
    if(objects)
        add_library(ps_${name} STATIC ${objects})
        set_target_properties(ps_${name} PROPERTIES LINKER_LANGUAGE C)
        target_link_libraries(ps_${name} PUBLIC ${below} ps_deps)
        target_include_directories(ps_${name} INTERFACE "${CMAKE_SOURCE_DIR}/include"
            "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}/gen")
    else()
        add_library(ps_${name} INTERFACE)
        target_link_libraries(ps_${name} INTERFACE ${below} ps_deps)
        target_include_directories(ps_${name} INTERFACE "${CMAKE_SOURCE_DIR}/include"
            "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}/gen")
    endif()
    set(PS_OBJECTS ${PS_OBJECTS} ${objects} PARENT_SCOPE)
    set(PS_FOLDERS ${PS_FOLDERS} ${name} PARENT_SCOPE)
endfunction()

macro(ps_folders)
    set(PS_FOLDERS)
    set(PS_OBJECTS)
    foreach(folder IN ITEMS ${ARGV})
        if(folder MATCHES "^(format|front)$")
            ps_folder(${folder} OFF)
            file(GLOB siblings CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}/src"
                "${CMAKE_SOURCE_DIR}/src/${folder}/*")
            foreach(sibling IN LISTS siblings)
                if(IS_DIRECTORY "${CMAKE_SOURCE_DIR}/src/${sibling}")
                    ps_folder(${sibling} ON)
                endif()
            endforeach()
        else()
            ps_folder(${folder} ON)
        endif()
    endforeach()
endmacro()

# The public library and its static twin; nothing to build while there are no sources.
function(ps_library)
    if(NOT PS_OBJECTS)
        message(STATUS "src/ has no sources yet: no library")
        return()
    endif()
    add_library(penstock SHARED ${PS_OBJECTS})
    set_target_properties(penstock PROPERTIES VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE C)
    target_include_directories(penstock INTERFACE
        $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(penstock PRIVATE ps_deps)
    target_link_options(penstock PRIVATE -Wl,--as-needed)
    if(NOT CMAKE_BUILD_TYPE MATCHES "^(Asan|Tsan|Fuzz)$")
        target_link_options(penstock PRIVATE -Wl,--no-undefined)
    endif()

    add_library(penstock_all STATIC ${PS_OBJECTS})
    set_target_properties(penstock_all PROPERTIES LINKER_LANGUAGE C)
    target_link_libraries(penstock_all PUBLIC ps_deps)
    target_include_directories(penstock_all INTERFACE "${CMAKE_SOURCE_DIR}/include"
        "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}/gen")
endfunction()
