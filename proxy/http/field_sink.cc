#include "proxy/http/field_sink.h"

#include "proxy/http/rules.h"

#include <string>

namespace bonedry::http {

void forward_length(const Head& head, const Field& field, FieldSink& sink) {
  const std::string_view value = head.value(field);
  if (value.size() == 1 || !value.starts_with('0')) return sink.received(field);
  sink.added("Content-Length", std::to_string(parse_length(value).value_or(0)));
}

}  // namespace bonedry::http
