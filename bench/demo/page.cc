#include "bench/demo/page.h"

#include <nlohmann/json.hpp>

namespace bonedry::demo {

std::optional<Page> parse_page(const HttpResult& result) {
  if (result.failure != HttpResult::Failure::none || result.response.status != 200)
    return std::nullopt;
  try {
    const nlohmann::json body = nlohmann::json::parse(result.response.body);
    return Page{body.at("shop").get<std::string>(), body.at("version").get<unsigned>(),
                body.at("items").get<std::vector<unsigned>>()};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace bonedry::demo
