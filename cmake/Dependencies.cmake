# Everything that is not ours. All of it comes from Debian packages; the list is in ./dev.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis>=0.14)
pkg_check_modules(NCURSES REQUIRED IMPORTED_TARGET ncursesw>=6.2)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus>=3.3)

# llhttp: the system's (Debian 13), or the one that ./dev unpacked (Debian 12).
find_path(LLHTTP_INCLUDE_DIR llhttp.h HINTS ${CMAKE_SOURCE_DIR}/build/deps/llhttp/usr/include)
find_library(LLHTTP_LIBRARY NAMES libllhttp.a llhttp
  HINTS ${CMAKE_SOURCE_DIR}/build/deps/llhttp/usr/lib
  PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE} x86_64-linux-gnu aarch64-linux-gnu)
if(NOT LLHTTP_INCLUDE_DIR OR NOT LLHTTP_LIBRARY)
  message(FATAL_ERROR "llhttp is missing: build with ./dev, which fetches it")
endif()
add_library(llhttp STATIC IMPORTED)
set_target_properties(llhttp PROPERTIES
  IMPORTED_LOCATION ${LLHTTP_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${LLHTTP_INCLUDE_DIR})
