#include "bench/demo/shop.h"

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <utility>

namespace bonedry::demo {
namespace {

constexpr std::string_view kCookie = "shopid=";

std::string_view cookie_value(std::string_view cookies) {
  while (!cookies.empty()) {
    const std::size_t end = cookies.find(';');
    const std::string_view pair = cookies.substr(0, end);
    if (pair.starts_with(kCookie)) return pair.substr(kCookie.size());
    if (end == std::string_view::npos) break;
    cookies.remove_prefix(end + 1);
    while (cookies.starts_with(' ')) cookies.remove_prefix(1);
  }
  return {};
}

std::optional<unsigned> item_of(std::string_view query) {
  constexpr std::string_view kItem = "item=";
  if (!query.starts_with(kItem)) return std::nullopt;
  query.remove_prefix(kItem.size());
  unsigned item = 0;
  const auto [end, error] = std::from_chars(query.data(), query.data() + query.size(), item);
  if (error != std::errc{} || end != query.data() + query.size()) return std::nullopt;
  return item;
}

std::string hex(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

}  // namespace

Shop::Shop(std::string name, unsigned release)
    : name_(std::move(name)), release_(release), random_(std::random_device{}()) {}

ShopResponse Shop::respond(std::string_view target, std::string_view cookies) {
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  const std::string_view query =
      mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  if (path == "/healthz") return plain(200, "ok\n");
  if (path == "/version") return plain(200, std::to_string(release_) + "\n");
  if (path == "/stats") return stats();
  if (path == "/add") return add(query, cookies);
  if (path == "/" || path == "/cart") return cart(cookies);
  if (path == "/leave") return leave(cookies);
  return plain(404, "try /cart, /add?item=1, /leave, /version, /stats, /healthz\n");
}

Shop::Lookup Shop::find_or_add_customer(std::string_view cookies) {
  ++pages_;
  const auto known = customers_.find(cookie_value(cookies));
  if (known != customers_.end()) return {known->second, false};
  const std::string id = hex(random_());
  return {customers_.emplace(id, Customer{id, {}}).first->second, true};
}

ShopResponse Shop::page(const Lookup& lookup) const {
  nlohmann::json body{{"shop", name_},
                      {"version", release_},
                      {"known", !lookup.is_new},
                      {"items", lookup.customer.cart}};
  ShopResponse response;
  if (lookup.is_new) {
    body["note"] = "unknown customer: this is a new cart";
    response.set_cookie = std::string(kCookie) + lookup.customer.id + "; Path=/; HttpOnly";
  }
  response.body = body.dump() + "\n";
  return response;
}

ShopResponse Shop::add(std::string_view query, std::string_view cookies) {
  const std::optional<unsigned> item = item_of(query);
  if (!item) return plain(400, "item missing, e.g. /add?item=1\n");
  const Lookup lookup = find_or_add_customer(cookies);
  lookup.customer.cart.push_back(*item);
  return page(lookup);
}

ShopResponse Shop::cart(std::string_view cookies) {
  return page(find_or_add_customer(cookies));
}

/// The page is the receipt: the cart is gone afterwards.
ShopResponse Shop::leave(std::string_view cookies) {
  const Lookup lookup = find_or_add_customer(cookies);
  ShopResponse response = page(lookup);
  response.set_cookie = std::string(kCookie) + "; Path=/; Max-Age=0";
  customers_.erase(customers_.find(lookup.customer.id));
  return response;
}

ShopResponse Shop::stats() const {
  const nlohmann::json body{
      {"shop", name_}, {"version", release_}, {"customers", customers_.size()}, {"pages", pages_}};
  return {200, "application/json", body.dump() + "\n", ""};
}

ShopResponse Shop::plain(int status, std::string text) const {
  return {status, "text/plain", std::move(text), ""};
}

}  // namespace bonedry::demo
