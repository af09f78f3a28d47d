#include "proxy/http/head_edits.h"

namespace bonedry::http {

bool passed_through(const Head& head, std::string_view via) {
  bool found = false;
  for (const Field& field : head.fields) {
    if (field.id != FieldName::via) continue;
    each_element(head.value(field), [via, &found](std::string_view element) {
      const std::size_t blank = element.find(' ');
      found = found || (blank != std::string_view::npos && element.substr(blank + 1) == via);
    });
  }
  return found;
}

}  // namespace bonedry::http
