# A GoogleTest program for one room, and its line in the list that tests/run reads.
#   omnilink_test(wire SOURCES socks5_test.cpp … LINKS omnilink::wire … [CONCURRENT] [APART])
# CONCURRENT: threads meet in it, so tests/run runs it under the tsan preset too. APART: see cmake/unity.cmake.
include_guard()
include(unity)

# One line per program: kind|name|program|folder of inputs|CONCURRENT or nothing.
set(OMNILINK_TEST_LIST ${CMAKE_BINARY_DIR}/tests/list.txt)
file(WRITE ${OMNILINK_TEST_LIST} "")
add_custom_target(omnilink_tests)
add_custom_target(omnilink_concurrent_tests)

# Puts a program in the list, and in the targets that build what the list names.
function(omnilink_list_test kind name target inputs concurrent)
  set(mark "")
  add_dependencies(omnilink_tests ${target})
  if(concurrent)
    set(mark CONCURRENT)
    add_dependencies(omnilink_concurrent_tests ${target})
  endif()
  file(APPEND ${OMNILINK_TEST_LIST} "${kind}|${name}|${CMAKE_BINARY_DIR}/tests/${target}|${inputs}|${mark}\n")
endfunction()

function(omnilink_test room)
  cmake_parse_arguments(TEST "CONCURRENT;APART" "" "SOURCES;LINKS" ${ARGN})
  add_executable(test_${room} ${TEST_SOURCES})
  target_link_libraries(test_${room} PRIVATE ${TEST_LINKS} omnilink_warnings GTest::gtest_main)
  target_include_directories(test_${room} PRIVATE ${CMAKE_SOURCE_DIR})
  # A test's own code need not be fast; so it compiles in two thirds of the time.
  target_compile_options(test_${room} PRIVATE $<$<CONFIG:Release>:-Og>)
  if(TEST_APART)
    omnilink_apart(test_${room})
  endif()
  set_target_properties(test_${room} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${room} COMMAND test_${room})
  omnilink_list_test(gtest ${room} test_${room} "" ${TEST_CONCURRENT})
endfunction()
