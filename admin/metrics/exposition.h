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

/// One label. Escapes the value.
[[nodiscard]] std::string label(std::string_view name, std::string_view value);

/// One more label of a sample; its value needs no escapes.
struct Label {
  std::string_view name = {};  ///< empty: there is none
  std::string_view value = {};
};

/// Writes families and their samples as text. A family is begun, and all of its samples follow.
class Exposition {
 public:
  explicit Exposition(Format format) : format_(format) {}

  void begin(const Family& family);
  /// `labels`: as append_label writes them.
  void sample(std::string_view labels, std::uint64_t value) { write("", labels, {}, value); }
  void sample(std::string_view labels, double value) { write("", labels, {}, value); }
  void sample(std::string_view labels, Label more, std::uint64_t value) {
    write("", labels, more, value);
  }
  void sample(std::string_view labels, Label more, double value) { write("", labels, more, value); }
  /// The parts of a histogram. `bound`: as OpenMetrics writes it, "0.5" or "+Inf".
  void bucket(std::string_view labels, std::string_view bound, std::uint64_t value) {
    write("_bucket", labels, {"le", bound}, value);
  }
  void sum(std::string_view labels, double value) { write("_sum", labels, {}, value); }
  void count(std::string_view labels, std::uint64_t value) { write("_count", labels, {}, value); }
  /// A family with one sample that has no labels.
  template <typename Value>
  void single(const Family& family, Value value) {
    begin(family);
    sample("", value);
  }
  /// Nothing follows.
  void end();

  /// What has been written since `clear`.
  [[nodiscard]] std::string_view text() const { return text_; }
  /// Makes room for more, in the same memory.
  void clear() { text_.clear(); }

 private:
  template <typename Number>
  void write(std::string_view suffix, std::string_view labels, Label more, Number value);
  /// The name of the samples of this family, and in the Prometheus format of the family itself.
  void append_name();

  const Format format_;
  std::string text_;
  Family family_;
};

}  // namespace bonedry::admin::metrics
