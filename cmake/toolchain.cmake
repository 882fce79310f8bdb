# Compiler and linker: the language, warnings, hardening, sanitizers, and ccache and a fast linker where present.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Otherwise what is compiled for a shared library calls its own functions as if another library might replace them, and inlines none.
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  add_compile_options(-fpch-preprocess)
endif()
find_program(MOLD mold)
find_program(LLD ld.lld)
if(MOLD)
  add_link_options(-fuse-ld=mold)
elseif(LLD)
  add_link_options(-fuse-ld=lld)
endif()

# Our own warnings are errors; those of third-party headers are not ours (they come in as system headers).
add_library(omnilink_warnings INTERFACE)
target_compile_options(omnilink_warnings INTERFACE -Wall -Wextra -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 takes the pair of operators of Asio's coroutine frames for a mismatch when it inlines only one of them.
  target_compile_options(omnilink_warnings INTERFACE -Wno-mismatched-new-delete)
  # It takes a file of a unity build for a header, where a type of an unnamed namespace would be a mistake (tests/tidy finds those).
  target_compile_options(omnilink_warnings INTERFACE $<$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>:-Wno-subobject-linkage>)
  if(OMNILINK_SANITIZE)
    # The sanitizers' instrumentation hides from the optimiser what is initialised (gcc(1), -fsanitize).
    target_compile_options(omnilink_warnings INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

if(OMNILINK_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(OMNILINK_SANITIZE)
  add_compile_options(-fsanitize=${OMNILINK_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${OMNILINK_SANITIZE})
  if(OMNILINK_SANITIZE MATCHES "undefined")
    # Any report ends the test. clang 14 cannot compile coroutines with the `function` check.
    add_compile_options(-fno-sanitize-recover=all)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      add_compile_options(-fno-sanitize=function)
    endif()
  endif()
  if(OMNILINK_SANITIZE MATCHES "thread")
    # TSan does not see through Asio's bare memory fences; without them the code is the same and the reports are true.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_link_options(-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
