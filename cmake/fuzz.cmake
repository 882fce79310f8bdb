# A parser's fuzz target, tests/fuzz/<name>_fuzz.cpp.
#   omnilink_fuzz(socks5 LINKS omnilink::wire)
# With -DOMNILINK_FUZZ=ON (clang): a libFuzzer program, fuzz_<name>. Otherwise the same function with a small main that
# runs every file of tests/fuzz/corpus/<name>/, so that what the fuzzer once found stays found.
include_guard()
include(test)

if(OMNILINK_FUZZ AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "OMNILINK_FUZZ needs clang: cmake --preset fuzz")
endif()

if(NOT OMNILINK_FUZZ)
  add_library(omnilink_replay OBJECT ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
  target_link_libraries(omnilink_replay PRIVATE omnilink_warnings)
endif()

function(omnilink_fuzz name)
  cmake_parse_arguments(FUZZ "" "" "LINKS" ${ARGN})
  set(folder ${CMAKE_SOURCE_DIR}/tests/fuzz)
  set(target fuzz_${name})
  if(OMNILINK_FUZZ)
    add_executable(${target} ${folder}/${name}_fuzz.cpp)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    set(kind fuzz)
  else()
    set(target replay_${name})
    add_executable(${target} ${folder}/${name}_fuzz.cpp)
    target_link_libraries(${target} PRIVATE omnilink_replay)
    add_test(NAME ${target} COMMAND ${target} ${folder}/corpus/${name})
    set(kind replay)
  endif()
  target_link_libraries(${target} PRIVATE ${FUZZ_LINKS} omnilink_warnings)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  # A replay that no sanitizer watches shows little.
  if(OMNILINK_SANITIZE MATCHES "address")
    omnilink_list_test(${kind} ${name} ${target} ${folder}/corpus/${name} OFF)
  endif()
endfunction()
