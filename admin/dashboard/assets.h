#pragma once

#include <span>
#include <string_view>

/// The files of the dashboard, which are made part of the program when it is built.
namespace bonedry::admin::dashboard {

struct Asset {
  std::string_view path;          ///< of the URL: "/", "/dashboard.css"
  std::string_view content_type;  ///< "text/css; charset=utf-8"
  std::string_view etag;          ///< with its quotes; another one whenever the bytes are others
  std::string_view bytes;
};

/// All of them, of static storage; any thread.
[[nodiscard]] std::span<const Asset> assets();

}  // namespace bonedry::admin::dashboard
