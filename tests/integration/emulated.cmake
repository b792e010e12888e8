# emulated_tests(TARGET [FILTER TESTS] [TOOLS NAME...] [FILES PATH...] [TIMEOUT SECONDS])
#
# One test, TARGET_emulated: the GoogleTest program TARGET in a kernel of its own, whose modules it may
# load and unload; all of its tests, or those of the FILTER. TOOLS are the programs that it starts, FILES
# what else it opens or starts; tests/support/emulated_kernel says more.
function(emulated_tests target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "FILTER;TIMEOUT" "TOOLS;FILES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "emulated_tests(${target}): what is ${arg_UNPARSED_ARGUMENTS}?")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(NOT arg_FILTER)
    set(arg_FILTER "*")
  endif()
  list(TRANSFORM arg_TOOLS PREPEND "--tool;")
  list(TRANSFORM arg_FILES PREPEND "--file;")

  # What is timed() is alone there too, and may try once more.
  get_target_property(once_more ${target} CROSSCOMPILING_EMULATOR)
  set(alone TRUE)
  if(NOT once_more)
    set(once_more "")
    set(alone FALSE)
  endif()
  add_test(NAME ${target}_emulated
    COMMAND ${once_more} "${PROJECT_SOURCE_DIR}/tests/support/emulated_kernel" --limit ${arg_TIMEOUT}
            ${arg_TOOLS} ${arg_FILES} --
            $<TARGET_FILE:${target}> "--gtest_filter=${arg_FILTER}")
  # ctest ends a test in a way that leaves no time for tidying: it comes after the limit.
  math(EXPR timeout "2 * ${arg_TIMEOUT} + 60")
  set_tests_properties(${target}_emulated PROPERTIES
    LABELS integration TIMEOUT ${timeout} SKIP_RETURN_CODE 77 RUN_SERIAL ${alone})
endfunction()
