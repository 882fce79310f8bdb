# Most of a file's compile time goes to headers of others (CAF, Asio, CLI11, JSON, GoogleTest) and to what they instantiate. So the
# presets that tests/run builds compile several files of a target as one (CMAKE_UNITY_BUILD): in a third of the time. Whoever wants
# each file by itself (clangd, clang-tidy: compile_commands.json) has the preset dev.
#
# Files of one target may then see each other's unnamed namespaces, so their names differ. Compiled apart are
# - in Release, what is HOT: the compiler's budget for inlining is per unit, and no file's speed shall depend on its neighbours;
# - wire/ and its tests (APART): one protocol, one file, and each has its own `request`, `version`, `magic`.
include_guard()

function(omnilink_apart target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
endfunction()
