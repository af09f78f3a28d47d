# Flags that every target of ours gets.
add_library(bonedry_flags INTERFACE)
target_compile_options(bonedry_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
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

# One layer of the house (ARCHITECTURE.md) is one static library:
#   bonedry_layer(name SOURCES a.cc b.cc LINKS other_layer ...)
function(bonedry_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${LAYER_SOURCES})
  target_link_libraries(${name} PUBLIC bonedry_flags ${LAYER_LINKS})
endfunction()
