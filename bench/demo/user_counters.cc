#include "bench/demo/user_counters.h"

namespace bonedry::demo {
namespace {

std::string describe(const ClickResult& click) {
  const std::string proxy = "proxy " + std::to_string(click.proxy + 1);
  switch (click.http.failure) {
    case HttpResult::Failure::none:
      return proxy + " answered " + std::to_string(click.http.response.status);
    case HttpResult::Failure::not_connected:
      return proxy + " could not be connected to";
    case HttpResult::Failure::connection_lost:
      return proxy + " closed the connection without a whole response";
    case HttpResult::Failure::not_http:
      return proxy + " answered something that is not HTTP";
    case HttpResult::Failure::no_answer:
      break;
  }
  return "there was no answer in time";
}

}  // namespace

void UserCounters::click_failed(const ClickResult& result) {
  if (failed_clicks++ == 0) first_failed_click = describe(result);
}

}  // namespace bonedry::demo
