#include "bench/micro/messages.h"

#include <stdexcept>

namespace bonedry::micro {

std::string cookie_field() {
  return "theme=dark; _ga=GA1.2.1234567890.1700000000; bonedry=" + std::string(kSessionValue) +
         "; cart=3f2504e04f8911d39a0c0305e82c3301";
}

std::string browser_request() {
  return "GET /catalogue/shoes?page=2&sort=price HTTP/1.1\r\n"
         "Host: shop.example\r\n"
         "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
         "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
         "Accept-Language: en-GB,en;q=0.5\r\n"
         "Accept-Encoding: gzip, deflate, br, zstd\r\n"
         "Referer: http://shop.example/catalogue/shoes\r\n"
         "Connection: keep-alive\r\n"
         "Cookie: " +
         cookie_field() +
         "\r\n"
         "Upgrade-Insecure-Requests: 1\r\n"
         "Sec-Fetch-Dest: document\r\n"
         "Sec-Fetch-Mode: navigate\r\n"
         "Sec-Fetch-Site: same-origin\r\n"
         "Priority: u=0, i\r\n"
         "\r\n";
}

Message::Message(http::Parser::Kind kind, std::string_view text)
    : block_(pool_.take()), size_(text.size()), parser_(kind) {
  text.copy(block_->data(), text.size());
  if (parse() != http::ParseStatus::complete) throw std::invalid_argument("not a head");
}

}  // namespace bonedry::micro
