#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::demo {

struct ShopResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string set_cookie;  ///< empty: none
};

/// The demo application: a shop that, like many, keeps its customers' carts in its own memory. It
/// identifies a customer by a cookie of its own, `shopid`. A customer from another shop, or from
/// before a restart, is unknown: it gets an empty cart, and the page says so.
class Shop {
 public:
  Shop(std::string name, unsigned release);

  /// Responds to GET `target`; `cookies` is the Cookie header, or empty.
  ShopResponse respond(std::string_view target, std::string_view cookies);

 private:
  struct Customer {
    std::string id;
    std::vector<unsigned> cart;
  };
  struct Lookup {
    Customer& customer;
    bool is_new;  ///< the request had no cookie of a known customer
  };

  Lookup find_or_add_customer(std::string_view cookies);
  ShopResponse page(const Lookup& lookup) const;
  ShopResponse add(std::string_view query, std::string_view cookies);
  ShopResponse cart(std::string_view cookies);
  ShopResponse leave(std::string_view cookies);
  ShopResponse stats() const;
  ShopResponse plain(int status, std::string text) const;

  std::string name_;
  unsigned release_;
  std::mt19937_64 random_;
  std::map<std::string, Customer, std::less<>> customers_;
  std::uint64_t pages_ = 0;
};

}  // namespace bonedry::demo
