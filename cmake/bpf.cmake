# Programs for the kernel, embedded in a header (bpftool's skeleton), in every preset alike.
#   omnilink_bpf(connect HEADERS shared.h)   from <name>.bpf.c: <name>.skel.h, whose path is in <name>_SKELETON, and <name>.o beside it
include_guard()

if(OMNILINK_BPF)
  pkg_check_modules(bpf REQUIRED IMPORTED_TARGET libbpf)
  find_program(BPF_CLANG NAMES clang clang-19 clang-16 clang-14 REQUIRED)
  find_program(BPF_STRIP NAMES llvm-strip llvm-strip-19 llvm-strip-16 llvm-strip-14 REQUIRED)
  find_program(BPFTOOL bpftool PATHS /usr/sbin REQUIRED)
endif()

function(omnilink_bpf name)
  cmake_parse_arguments(BPF "" "" "HEADERS" ${ARGN})
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
  set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)
  # <asm/types.h> is in the folder of the machine, which clang does not search for this target.
  add_custom_command(OUTPUT ${skeleton}
    COMMAND ${BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Werror -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -I${CMAKE_SOURCE_DIR}
            -c ${CMAKE_CURRENT_SOURCE_DIR}/${name}.bpf.c -o ${object}
    COMMAND ${BPF_STRIP} -g ${object}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${name}_programs > ${skeleton}
    DEPENDS ${name}.bpf.c ${BPF_HEADERS} VERBATIM)
  set(${name}_SKELETON ${skeleton} PARENT_SCOPE)
endfunction()

# What loads them: libbpf, and the headers made above.
function(omnilink_loads_bpf room)
  target_link_libraries(omnilink_${room} PRIVATE PkgConfig::bpf)
  target_include_directories(omnilink_${room} SYSTEM PRIVATE ${CMAKE_BINARY_DIR})
endfunction()
