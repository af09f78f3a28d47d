# Writes a .cc with the text of admin/cluster/session_script.lua and its SHA-1, by which the store
# knows it (admin/cluster/session_script.h): run as a script,
#   cmake -D OUTPUT=session_script.cc -D SCRIPT=session_script.lua -P EmbedScript.cmake
include(${CMAKE_CURRENT_LIST_DIR}/FileBytes.cmake)
file(SHA1 ${SCRIPT} hash)
read_file_bytes(${SCRIPT} "    " bytes size)
file(WRITE ${OUTPUT} "// Made by cmake/EmbedScript.cmake.
#include \"admin/cluster/session_script.h\"

namespace bonedry::admin::cluster {

std::string_view session_script() {
  return {
    \"${bytes}\",
    ${size}};
}

std::string_view session_script_sha1() {
  return \"${hash}\";
}

}  // namespace bonedry::admin::cluster
")
