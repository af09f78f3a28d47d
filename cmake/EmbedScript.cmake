# Writes a .cc with the text of admin/cluster/session_script.lua and its SHA-1, by which the store
# knows it (admin/cluster/session_script.h): run as a script,
#   cmake -D OUTPUT=session_script.cc -D SCRIPT=session_script.lua -P EmbedScript.cmake
file(SHA1 ${SCRIPT} hash)
file(READ ${SCRIPT} bytes HEX)
string(LENGTH "${bytes}" digits)
math(EXPR size "${digits} / 2")
string(REPEAT "." 48 line)
string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
string(REPLACE "\n" "\"\n    \"" bytes "${bytes}")
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
