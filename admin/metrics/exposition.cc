#include "admin/metrics/exposition.h"

#include <array>
#include <charconv>
#include <utility>

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
void Exposition::end_line(Number value) {
  std::array<char, 32> digits;  // the shortest text that gives a double back has at most 24
  text_ += ' ';
  text_.append(digits.data(), std::to_chars(digits.begin(), digits.end(), value).ptr);
  text_ += '\n';
}

template <typename Number>
void Exposition::write(std::string_view suffix, std::string_view labels, Number value) {
  append_name();
  text_ += suffix;
  if (!labels.empty()) {
    text_ += '{';
    text_ += labels;
    text_ += '}';
  }
  end_line(value);
}

template void Exposition::write(std::string_view, std::string_view, std::uint64_t);
template void Exposition::write(std::string_view, std::string_view, double);

void Exposition::bucket(std::string_view labels, std::string_view bound, std::uint64_t value) {
  append_name();
  text_ += "_bucket{";
  text_ += labels;
  text_ += labels.empty() ? "le=\"" : ",le=\"";
  text_ += bound;
  text_ += "\"}";
  end_line(value);
}

std::string Exposition::take() && {
  if (format_ == Format::openmetrics) text_ += "# EOF\n";
  return std::move(text_);
}

}  // namespace bonedry::admin::metrics
