#pragma once

#include "bench/demo/http_client.h"

#include <optional>
#include <string>
#include <vector>

namespace bonedry::demo {

/// A page of the shop as a user reads it.
struct Page {
  std::string shop;
  unsigned release = 0;
  std::vector<unsigned> items;
};

/// Empty when the result is no page of a shop: no response, an error, or other content.
[[nodiscard]] std::optional<Page> parse_page(const HttpResult& result);

}  // namespace bonedry::demo
