# examples/run.cmake -- runs PROGRAM with ARGUMENT (a pattern of data files) in the fresh DIRECTORY
# and compares what it prints.
file(REMOVE_RECURSE "${DIRECTORY}")
file(MAKE_DIRECTORY "${DIRECTORY}")
execute_process(COMMAND "${PROGRAM}" "${ARGUMENT}" WORKING_DIRECTORY "${DIRECTORY}"
    RESULT_VARIABLE code
    OUTPUT_VARIABLE printed ERROR_VARIABLE complaints)
if(NOT code EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ended with ${code}\n${printed}${complaints}")
endif()
file(READ "${EXPECTED}" expected)
if(NOT printed STREQUAL expected)
    message(FATAL_ERROR "${PROGRAM} printed\n${printed}instead of\n${expected}")
endif()
