#include "bench/demo/http_parser.h"

#include "proxy/base/ascii.h"

#include <algorithm>
#include <iterator>

namespace bonedry::demo {

std::vector<std::string> HttpMessage::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [header, value] : headers) {
    if (header == name) values.push_back(value);
  }
  return values;
}

HttpParser::HttpParser(llhttp_type_t type, std::function<void(HttpMessage&&)> on_message)
    : on_message_(std::move(on_message)) {
  llhttp_init(&parser_, type, &settings());
  parser_.data = this;
}

const llhttp_settings_t& HttpParser::settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_message_begin = [](llhttp_t* parser) {
      self(parser).message_ = {};
      return 0;
    };
    made.on_url = [](llhttp_t* parser, const char* at, std::size_t length) {
      self(parser).message_.target.append(at, length);
      return 0;
    };
    made.on_header_field = [](llhttp_t* parser, const char* at, std::size_t length) {
      std::transform(at, at + length, std::back_inserter(self(parser).name_), ascii::to_lower);
      return 0;
    };
    made.on_header_value = [](llhttp_t* parser, const char* at, std::size_t length) {
      self(parser).value_.append(at, length);
      return 0;
    };
    made.on_header_value_complete = [](llhttp_t* parser) {
      self(parser).finish_header();
      return 0;
    };
    made.on_body = [](llhttp_t* parser, const char* at, std::size_t length) {
      self(parser).message_.body.append(at, length);
      return 0;
    };
    made.on_message_complete = [](llhttp_t* parser) {
      self(parser).finish_message();
      return 0;
    };
    return made;
  }();
  return settings;
}

void HttpParser::finish_header() {
  message_.headers.emplace_back(std::move(name_), std::move(value_));
  name_.clear();
  value_.clear();
}

void HttpParser::finish_message() {
  message_.status = parser_.status_code;
  message_.keep_alive = llhttp_should_keep_alive(&parser_) != 0;
  on_message_(std::move(message_));
  message_ = {};
}

bool HttpParser::feed(std::string_view bytes) {
  return llhttp_execute(&parser_, bytes.data(), bytes.size()) == HPE_OK;
}

void HttpParser::end() {
  llhttp_finish(&parser_);
}

}  // namespace bonedry::demo
