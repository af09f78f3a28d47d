#pragma once

#include "proxy/http/head_edits.h"

#include <string>
#include <string_view>
#include <vector>

namespace bonedry::proxy {

/// Removes all cookies of some names from requests. Immutable.
class OwnCookies final : public http::CookieFilter {
 public:
  explicit OwnCookies(std::vector<std::string> names) : names_(std::move(names)) {}

  [[nodiscard]] bool empty() const { return names_.empty(); }
  [[nodiscard]] Kept filter(std::string_view value) const override;

 private:
  std::vector<std::string> names_;
};

}  // namespace bonedry::proxy
