# Flags that every target of ours gets.
if(NOT BONEDRY_SANITIZE) # there, several files are compiled as one, see below
  set(SHADOW -Wshadow)
endif()
add_library(bonedry_flags INTERFACE)
target_compile_options(bonedry_flags INTERFACE
  -Wall -Wextra -Wpedantic ${SHADOW} -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
target_include_directories(bonedry_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(bonedry_flags INTERFACE BONEDRY_VERSION="${PROJECT_VERSION}")
if(BONEDRY_SANITIZE)
  add_compile_options(-fsanitize=${BONEDRY_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BONEDRY_SANITIZE})
  if(BONEDRY_SANITIZE MATCHES "undefined")
    # It opens a pipe to look at an object's memory: without a descriptor left, none is an object.
    add_compile_options(-fno-sanitize=vptr)
  endif()
  if(BONEDRY_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # libstdc++ has atomic_thread_fence in places that TSan does not model.
    add_compile_options(-Wno-error=tsan)
  endif()
endif()

# The standard library, read once for all layers, and several files compiled as one: less than half of
# the time that they take to compile with a sanitizer. Only there, so that the dev build tells of a
# header that a file forgot to include, and of two files that have one name for two things.
if(BONEDRY_SANITIZE AND NOT BONEDRY_SANITIZE MATCHES "fuzzer")
  add_library(layer_headers OBJECT ${CMAKE_SOURCE_DIR}/cmake/layer_headers.cc)
  target_link_libraries(layer_headers PRIVATE bonedry_flags)
  target_precompile_headers(layer_headers PRIVATE
    <algorithm> <array> <atomic> <charconv> <chrono> <cstdint> <cstring> <deque> <functional>
    <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <system_error>
    <unordered_map> <utility> <variant> <vector>)
endif()

# One layer of ARCHITECTURE.md is one static library:
#   bonedry_layer(name SOURCES a.cc b.cc LINKS other_layer ...)
function(bonedry_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${LAYER_SOURCES})
  target_link_libraries(${name} PUBLIC bonedry_flags ${LAYER_LINKS})
  if(TARGET layer_headers AND NOT TARGET test_headers) # those of the tests have other flags
    target_precompile_headers(${name} REUSE_FROM layer_headers)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    target_compile_options(${name} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()
