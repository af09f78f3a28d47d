#include "layering.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>

namespace bonedry::layering {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLines = 600;

/// One layer: its directory, and which of our files it may include besides its own. An entry that
/// ends in '/' is a directory with everything below it; "proxy/*" is the directory without its
/// sub-directories.
struct Layer {
  std::string_view directory;
  std::vector<std::string_view> may_include;
};

// Deeper directories first: the first row that fits a file is its layer. A file may have its own
// row.
const std::vector<Layer>& layers() {
  const std::vector<std::string_view> everything{
      "proxy/base/", "proxy/io/", "proxy/tls/", "proxy/http/", "proxy/http2/", "proxy/redis/",
      "proxy/*",     "conf/",     "balancer/",  "session/",    "admin/"};
  static const std::vector<Layer> rows{
      {"proxy/main.cc", everything},
      {"proxy/application.cc", everything},  // puts the parts together
      {"proxy/admin_doors.h", everything},
      {"proxy/admin_doors.cc", everything},
      // An upgrade involves the data plane and the control plane.
      {"proxy/upgrade_coordinator.h", everything},
      {"proxy/server_publisher.h", everything},
      {"proxy/ledger_start.h", everything},  // whether it fits the records of nodes
      {"proxy/ledger_start.cc", everything},
      {"proxy/running_totals.h", everything},  // the data plane as `status` shows it
      {"proxy/running_totals.cc", everything},
      {"proxy/upgrade_coordinator.cc", everything},
      {"proxy/base/", {}},
      {"proxy/io/", {"proxy/base/"}},
      {"proxy/tls/", {"proxy/base/", "proxy/io/", "conf/"}},
      {"proxy/http/", {"proxy/base/"}},
      {"proxy/http2/", {"proxy/base/", "proxy/http/"}},
      {"proxy/redis/", {"proxy/base/", "proxy/io/", "proxy/tls/", "conf/"}},
      {"proxy/*",
       {"proxy/base/", "proxy/io/", "proxy/tls/", "proxy/http/", "proxy/http2/", "proxy/redis/",
        "conf/", "balancer/", "session/"}},
      {"conf/", {"proxy/base/"}},
      {"balancer/", {"proxy/base/", "conf/"}},
      {"session/", {"proxy/base/", "conf/", "balancer/"}},
      // Speaks HTTP with its clients, and TLS.
      {"admin/http_door/",
       {"proxy/base/", "conf/", "balancer/", "session/", "proxy/io/", "proxy/tls/", "proxy/http/",
        "admin/"}},
      // Speaks with the store of a cluster.
      {"admin/cluster/",
       {"proxy/base/", "conf/", "balancer/", "session/", "proxy/server.h", "proxy/io/",
        "proxy/redis/", "admin/"}},
      {"admin/", {"proxy/base/", "conf/", "balancer/", "session/", "proxy/server.h", "proxy/io/"}}};
  return rows;
}

/// A library that only some layers may include, and the prefixes of its headers.
struct Library {
  std::string_view header;
  std::vector<std::string_view> allowed_in;
};

const std::vector<Library>& libraries() {
  static const std::vector<Library> rows{
      {"uv.h", {"proxy/main.cc", "proxy/application.cc", "proxy/io/", "proxy/*", "admin/"}},
      {"uv/", {"proxy/main.cc", "proxy/application.cc", "proxy/io/", "proxy/*", "admin/"}},
      {"toml++/", {"conf/"}},
      {"openssl/", {"proxy/tls/", "session/", "conf/token_digest.cc"}},
      {"ncurses.h", {"admin/ctl/watch/curses_terminal.cc", "admin/ctl/watch/known_terminal.cc"}},
      {"llhttp.h", {"proxy/http/"}},
      {"nghttp2/", {"proxy/http2/"}},
      {"hiredis/", {"proxy/redis/"}}};
  return rows;
}

/// Files that must not include some headers, directly or indirectly.
struct Unaware {
  std::string_view files;  ///< the prefixes of their paths
  std::vector<std::string_view> headers;
};

/// Exchange code is independent of protocol and network, so that another protocol only needs
/// another pair of streams, and tests need no threads.
const Unaware& exchanges() {
  static const Unaware rule{"proxy/exchange",
                            {"proxy/http/parser.h",
                             "proxy/http/rules.h",
                             "proxy/http/head_writer.h",
                             "proxy/http/local_response.h",
                             "proxy/http/keep_alive.h",
                             "proxy/io/socket.h",
                             "proxy/io/outbox.h",
                             "proxy/io/readiness.h",
                             "proxy/io/fd_watcher.h",
                             "proxy/io/event_loop.h",
                             "proxy/http2_connection.h",
                             "proxy/http2_stream.h",
                             "proxy/http2/session.h",
                             "proxy/downstream_connection.h",
                             "proxy/upstream_connection.h",
                             "proxy/upstream_pool.h",
                             "proxy/worker.h",
                             "llhttp.h",
                             "nghttp2/nghttp2.h",
                             "uv.h",
                             "sys/socket.h"}};
  return rule;
}

struct Include {
  std::size_t line;
  std::string header;
  bool quoted;
};

struct Source {
  std::string path;  ///< from the root, with '/'
  std::size_t lines = 0;
  std::vector<Include> includes;
};

bool fits(std::string_view pattern, std::string_view path) {
  if (pattern.ends_with('/')) return path.starts_with(pattern);
  if (!pattern.ends_with("/*")) return path == pattern;
  const std::string_view directory = pattern.substr(0, pattern.size() - 1);
  return path.starts_with(directory) && path.find('/', directory.size()) == std::string_view::npos;
}

bool fits_any(const std::vector<std::string_view>& patterns, std::string_view path) {
  return std::ranges::any_of(patterns, [&](std::string_view each) { return fits(each, path); });
}

const Layer* layer_of(std::string_view path) {
  const auto row = std::ranges::find_if(
      layers(), [&](const Layer& layer) { return fits(layer.directory, path); });
  return row == layers().end() ? nullptr : &*row;
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

bool skip(std::string_view& text, std::string_view word) {
  skip_blanks(text);
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  skip_blanks(text);
  return true;
}

// By hand: std::regex does not compile without warnings under GCC 12's AddressSanitizer.
std::optional<Include> parse_include(std::string_view line, std::size_t number) {
  if (!skip(line, "#") || !skip(line, "include") || line.empty()) return std::nullopt;
  const bool quoted = line.front() == '"';
  if (!quoted && line.front() != '<') return std::nullopt;
  line.remove_prefix(1);
  return Include{number, std::string{line.substr(0, line.find(quoted ? '"' : '>'))}, quoted};
}

Source read_source(const fs::path& root, const fs::path& file) {
  Source source{file.lexically_relative(root).generic_string(), 0, {}};
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    ++source.lines;
    if (auto include = parse_include(line, source.lines)) {
      source.includes.push_back(std::move(*include));
    }
  }
  return source;
}

std::vector<Source> read_sources(const fs::path& root) {
  std::vector<Source> sources;
  for (const std::string_view directory : {"conf", "balancer", "session", "proxy", "admin"}) {
    if (!fs::is_directory(root / directory)) continue;
    for (const fs::path& file : fs::recursive_directory_iterator{root / directory}) {
      if (file.extension() == ".h" || file.extension() == ".cc") {
        sources.push_back(read_source(root, file));
      }
    }
  }
  std::ranges::sort(sources, {}, &Source::path);
  return sources;
}

std::optional<std::string> fault_of_own(const Layer& layer, std::string_view header) {
  const bool roundabout = header.find("..") != std::string_view::npos;
  if (roundabout || layer_of(header) == nullptr) {
    return "names no file of a layer by its path from the root of the project";
  }
  if (fits(layer.directory, header) || fits_any(layer.may_include, header)) return std::nullopt;
  return std::string{layer.directory} + " may not include it";
}

std::optional<std::string> fault_of_library(std::string_view path, std::string_view header) {
  for (const Library& library : libraries()) {
    if (!header.starts_with(library.header)) continue;
    if (!fits_any(library.allowed_in, path)) return "this library is not allowed here";
  }
  return std::nullopt;
}

void check_includes(const Source& source, std::vector<std::string>& found) {
  const Layer* layer = layer_of(source.path);
  if (layer == nullptr) {
    found.push_back(source.path + ":1: belongs to no layer");
    return;
  }
  for (const Include& include : source.includes) {
    const bool ours = include.quoted || layer_of(include.header) != nullptr;
    const auto fault =
        ours ? fault_of_own(*layer, include.header) : fault_of_library(source.path, include.header);
    if (fault) {
      found.push_back(source.path + ":" + std::to_string(include.line) + ": " + include.header +
                      ": " + *fault);
    }
  }
}

const Source* find_source(const std::vector<Source>& sources, std::string_view path) {
  const auto found = std::ranges::find(sources, path, &Source::path);
  return found == sources.end() ? nullptr : &*found;
}

/// Follows the includes of a file, depth first; `way` is the chain of includes that led to it.
void check_unaware(const std::vector<Source>& sources, const Source& source, const std::string& way,
                   std::set<std::string>& seen, std::vector<std::string>& found) {
  for (const Include& include : source.includes) {
    if (!seen.insert(include.header).second) continue;
    if (std::ranges::find(exchanges().headers, include.header) != exchanges().headers.end()) {
      found.push_back(way + ": must not know " + include.header);
    } else if (const Source* next = find_source(sources, include.header)) {
      check_unaware(sources, *next, way + " > " + next->path, seen, found);
    }
  }
}

// A row that matches no files checks nothing, e.g. after a directory was renamed.
void check_rows(const std::vector<Source>& sources, std::vector<std::string>& found) {
  for (const Layer& layer : layers()) {
    const bool used = std::ranges::any_of(
        sources, [&](const Source& source) { return layer_of(source.path) == &layer; });
    if (!used) found.push_back(std::string{layer.directory} + ":0: a layer without files");
  }
}

}  // namespace

std::vector<std::string> violations(const fs::path& root) {
  const std::vector<Source> sources = read_sources(root);
  std::vector<std::string> found;
  check_rows(sources, found);
  for (const Source& source : sources) {
    check_includes(source, found);
    if (source.path.starts_with(exchanges().files)) {
      std::set<std::string> seen;
      check_unaware(sources, source, source.path, seen, found);
    }
    if (source.lines > kMaxLines) {
      found.push_back(source.path + ":" + std::to_string(source.lines) + ": longer than " +
                      std::to_string(kMaxLines) + " lines");
    }
  }
  return found;
}

}  // namespace bonedry::layering
