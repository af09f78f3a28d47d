#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::demo {

/// One page of a shop.
struct ShopReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string set_cookie;  ///< empty: none
};

/// The demo application: a shop that, like many, keeps its customers' carts in its own memory. It
/// identifies a customer by its own cookie, `shopid`; a customer from another shop, or from before
/// a restart, is unknown and gets an empty cart, and the page says so.
class Shop {
 public:
  Shop(std::string name, unsigned version);

  /// Responds to GET `target`; `cookies` is the Cookie header, or empty.
  ShopReply answer(std::string_view target, std::string_view cookies);

 private:
  struct Customer {
    std::string id;
    std::vector<unsigned> cart;
  };
  enum class Acquaintance : std::uint8_t { known, stranger };
  struct Visitor {
    Customer& customer;
    Acquaintance acquaintance;
  };

  Visitor recognise(std::string_view cookies);
  ShopReply page(const Visitor& visitor) const;
  ShopReply add(std::string_view query, std::string_view cookies);
  ShopReply cart(std::string_view cookies);
  ShopReply leave(std::string_view cookies);
  ShopReply stats() const;
  ShopReply plain(int status, std::string text) const;

  std::string name_;
  unsigned version_;
  std::mt19937_64 ids_;
  std::map<std::string, Customer, std::less<>> customers_;
  std::uint64_t pages_ = 0;
};

}  // namespace bonedry::demo
