#include "admin/metrics/exposition.h"

#include <array>
#include <charconv>

namespace bonedry::admin::metrics {
namespace {

std::string_view suffix_of(Type type) {
  switch (type) {
    case Type::counter:
      return "_total";
    case Type::info:
      return "_info";
    case Type::gauge:
    case Type::histogram:
      return "";
  }
  return "";
}

/// The Prometheus format has no type for what is always 1.
std::string_view name_of(Type type, Format format) {
  switch (type) {
    case Type::counter:
      return "counter";
    case Type::histogram:
      return "histogram";
    case Type::info:
      return format == Format::openmetrics ? "info" : "gauge";
    case Type::gauge:
      return "gauge";
  }
  return "gauge";
}

}  // namespace

void append_label(std::string& labels, std::string_view name, std::string_view value) {
  if (!labels.empty()) labels += ',';
  labels += name;
  labels += "=\"";
  for (const char c : value) {
    if (c == '\n') {
      labels += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') labels += '\\';
    labels += c;
  }
  labels += '"';
}

std::string label(std::string_view name, std::string_view value) {
  std::string labels;
  append_label(labels, name, value);
  return labels;
}

void Exposition::append_name() {
  text_ += family_.name;
  text_ += suffix_of(family_.type);
}

void Exposition::begin(const Family& family) {
  family_ = family;
  const auto line = [this](std::string_view word, std::string_view value) {
    text_ += word;
    if (format_ == Format::openmetrics) {
      text_ += family_.name;
    } else {
      append_name();
    }
    text_ += ' ';
    text_ += value;
    text_ += '\n';
  };
  line("# HELP ", family.help);
  line("# TYPE ", name_of(family.type, format_));
  if (format_ == Format::openmetrics && !family.unit.empty()) line("# UNIT ", family.unit);
}

template <typename Number>
void Exposition::write(std::string_view suffix, std::string_view labels, Label more, Number value) {
  append_name();
  text_ += suffix;
  if (!labels.empty() || !more.name.empty()) {
    text_ += '{';
    text_ += labels;
    if (!more.name.empty()) {
      if (!labels.empty()) text_ += ',';
      text_.append(more.name).append("=\"").append(more.value).append("\"");
    }
    text_ += '}';
  }
  std::array<char, 32> digits;  // the shortest text that gives a double back has at most 24
  text_ += ' ';
  text_.append(digits.data(), std::to_chars(digits.begin(), digits.end(), value).ptr);
  text_ += '\n';
}

template void Exposition::write(std::string_view, std::string_view, Label, std::uint64_t);
template void Exposition::write(std::string_view, std::string_view, Label, double);

void Exposition::end() {
  if (format_ == Format::openmetrics) text_ += "# EOF\n";
}

}  // namespace bonedry::admin::metrics
