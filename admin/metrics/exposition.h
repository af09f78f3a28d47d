#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bonedry::admin::metrics {

/// The text formats in which Prometheus reads metrics.
enum class Format : std::uint8_t {
  prometheus,   ///< text format 0.0.4
  openmetrics,  ///< OpenMetrics 1.0
};

enum class Type : std::uint8_t { gauge, counter, histogram, info };

/// A metric family: samples of one name.
struct Family {
  std::string_view name;  ///< without `_total` and `_info`, which the type adds
  Type type = Type::gauge;
  std::string_view help;       ///< needs no escapes
  std::string_view unit = {};  ///< in plural, as the name ends; empty: none
};

/// Appends a label to those that there are: `pool="shop",node="alice"`. Escapes the value.
void append_label(std::string& labels, std::string_view name, std::string_view value);

/// Writes families and their samples into one text. A family is begun, and all of its samples
/// follow.
class Exposition {
 public:
  /// `bytes`: how long the text may become; reserved at once.
  Exposition(Format format, std::size_t bytes) : format_(format) { text_.reserve(bytes); }

  void begin(const Family& family);
  /// `labels`: as append_label writes them.
  void sample(std::string_view labels, std::uint64_t value) { write("", labels, value); }
  void sample(std::string_view labels, double value) { write("", labels, value); }
  /// For the parts of a histogram: `suffix` is "_bucket", "_count" or "_sum".
  void part(std::string_view suffix, std::string_view labels, std::uint64_t value) {
    write(suffix, labels, value);
  }
  void part(std::string_view suffix, std::string_view labels, double value) {
    write(suffix, labels, value);
  }
  /// The same for a bucket: its upper bound as OpenMetrics writes it, "0.5" or "+Inf".
  void bucket(std::string_view labels, std::string_view bound, std::uint64_t value);

  [[nodiscard]] std::string take() &&;

 private:
  template <typename Number>
  void write(std::string_view suffix, std::string_view labels, Number value);
  template <typename Number>
  void end_line(Number value);
  /// The name of the samples of this family, and in the Prometheus format of the family itself.
  void append_name();

  const Format format_;
  std::string text_;
  Family family_;
};

}  // namespace bonedry::admin::metrics
