# A room of the house: a static library named after its folder, whose headers are included as "room/file.hpp".
#   omnilink_room(wire SOURCES socks5.cpp … LINKS core … [PCH <header>…] [HOT] [APART])
# HOT: it is paid for with each connection or byte. APART: see cmake/unity.cmake.
include_guard()
include(unity)

function(omnilink_room name)
  cmake_parse_arguments(ROOM "HOT;APART" "" "SOURCES;LINKS;PCH" ${ARGN})
  add_library(omnilink_${name} STATIC ${ROOM_SOURCES})
  add_library(omnilink::${name} ALIAS omnilink_${name})
  target_include_directories(omnilink_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(omnilink_${name} PUBLIC ${ROOM_LINKS} PRIVATE omnilink_warnings)
  if(ROOM_PCH)
    target_precompile_headers(omnilink_${name} PRIVATE ${ROOM_PCH})
  endif()
  if(ROOM_APART OR (ROOM_HOT AND NOT OMNILINK_SANITIZE))
    omnilink_apart(omnilink_${name})
  endif()
endfunction()
