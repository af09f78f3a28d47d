# Writes a .cc with the bytes of the dashboard's files (admin/dashboard/assets.h): run as a script,
#   cmake -D OUTPUT=assets.cc -D FILES=a;b -P EmbedFiles.cmake
include(${CMAKE_CURRENT_LIST_DIR}/FileBytes.cmake)
set(types
  html "text/html\; charset=utf-8"
  css "text/css\; charset=utf-8"
  js "text/javascript\; charset=utf-8"
  svg "image/svg+xml")
set(rows "")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  get_filename_component(extension ${file} LAST_EXT)
  string(SUBSTRING ${extension} 1 -1 extension)
  list(FIND types ${extension} at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${file}: no content type is known for .${extension}")
  endif()
  math(EXPR at "${at} + 1")
  list(GET types ${at} type)
  set(path "/${name}")
  if(name STREQUAL "index.html")
    set(path "/")
  endif()
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  read_file_bytes(${file} "         " bytes size)
  string(APPEND rows "    {\"${path}\", \"${type}\", \"\\\"${hash}\\\"\",\n     std::string_view(\n         \"${bytes}\",\n         ${size})},\n")
endforeach()
string(REPLACE "\\;" ";" rows "${rows}")
file(WRITE ${OUTPUT} "// Made by cmake/EmbedFiles.cmake.
#include \"admin/dashboard/assets.h\"

namespace bonedry::admin::dashboard {
namespace {

constexpr Asset kAssets[]{
${rows}};

}  // namespace

std::span<const Asset> assets() {
  return kAssets;
}

}  // namespace bonedry::admin::dashboard
")
