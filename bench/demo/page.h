#pragma once

#include "bench/demo/http_client.h"

#include <optional>
#include <string>
#include <vector>

namespace bonedry::demo {

/// A page of the shop as a user reads it.
struct Page {
  std::string shop;
  unsigned version = 0;
  std::vector<unsigned> items;
};

/// Empty when there is no page of a shop: no response, an error, or other content.
[[nodiscard]] std::optional<Page> read_page(const HttpAnswer& answer);

}  // namespace bonedry::demo
