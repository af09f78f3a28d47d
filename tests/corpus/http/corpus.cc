#include "tests/corpus/http/corpus.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace bonedry::corpus {
namespace {

/// Parses one file into cases.
class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), in_(path) {
    if (!in_) throw std::runtime_error(path + ": cannot be read");
  }

  std::vector<Case> read() {
    std::string line;
    while (std::getline(in_, line)) {
      ++line_;
      take(line);
    }
    finish();
    return std::move(cases_);
  }

 private:
  /// The lines of a case; those of `[*]` are the defaults for cases that do not set them.
  struct Draft {
    Case said;
    std::string before;
    std::string after;
    bool expects = false;
    bool has_bytes = false;
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(where() + ": " + what);
  }
  [[nodiscard]] std::string where() const { return path_ + ":" + std::to_string(line_); }

  void take(const std::string& line) {
    if (line.empty() || line.starts_with('#')) return;
    if (line.ends_with(' ') || line.ends_with('\t')) fail("a blank at the end; write \\x20 or \\t");
    if (line.starts_with('[') && line.ends_with(']')) return begin(line.substr(1, line.size() - 2));
    if (line.starts_with("| ")) {
      draft_.said.bytes += unescaped(line.substr(2));
      draft_.has_bytes = true;
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) fail("neither a comment, [name], '| bytes' nor 'key: value'");
    const std::size_t value = line.find_first_not_of(' ', colon + 1);
    set(line.substr(0, colon), value == std::string::npos ? "" : line.substr(value));
  }

  void begin(const std::string& name) {
    finish();
    if (name == "*") {
      draft_ = {};
      in_defaults_ = true;
    } else {
      draft_ = defaults_;
      in_case_ = true;
    }
    draft_.said.name = name;
    draft_.said.where = where();
  }

  void finish() {
    if (in_defaults_) defaults_ = draft_;
    if (in_case_) {
      if (!draft_.expects) fail("[" + draft_.said.name + "] expects nothing");
      if (!draft_.has_bytes && draft_.before.empty()) fail("[" + draft_.said.name + "] is empty");
      draft_.said.bytes = draft_.before + draft_.said.bytes + draft_.after;
      cases_.push_back(draft_.said);
    }
    in_defaults_ = in_case_ = false;
  }

  void set(const std::string& key, const std::string& value) {
    Case& said = draft_.said;
    if (key == "rfc") {
      said.rfc = value;
    } else if (key == "expect") {
      expect(value);
    } else if (key == "before") {
      draft_.before = unescaped(value);
    } else if (key == "after") {
      draft_.after = unescaped(value);
    } else if (key == "sees") {
      said.sees.push_back(unescaped(value));
    } else if (key == "hides") {
      said.hides.push_back(unescaped(value));
    } else if (key == "asked") {
      said.asked = value;
    } else if (key == "then") {
      said.then = value;
    } else if (key == "end" && value == "close") {
      said.end = End::close;
    } else {
      fail("unknown: " + key + ": " + value);
    }
  }

  void expect(const std::string& value) {
    const std::size_t blank = value.find(' ');
    const std::string word = value.substr(0, blank);
    int number = 0;
    if (blank != std::string::npos) number = std::stoi(value.substr(blank + 1));
    draft_.expects = true;
    draft_.said.status = number;
    if (word == "refused") {
      draft_.said.verdict = Verdict::refused;
    } else if (word == "cut") {
      draft_.said.verdict = Verdict::cut;
    } else if (word == "forwarded") {
      draft_.said.verdict = Verdict::forwarded;
      draft_.said.count = number == 0 ? 1 : static_cast<std::size_t>(number);
      draft_.said.status = 0;
    } else if (word == "502") {
      draft_.said.verdict = Verdict::bad;
      draft_.said.status = 502;
    } else if (word == "aborted") {
      draft_.said.verdict = Verdict::aborted;
    } else if (word == "passed") {
      draft_.said.verdict = Verdict::passed;
    } else {
      fail("unknown verdict: " + value);
    }
  }

  std::string path_;
  std::ifstream in_;
  std::size_t line_ = 0;
  std::vector<Case> cases_;
  Draft defaults_;
  Draft draft_;
  bool in_defaults_ = false;
  bool in_case_ = false;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  throw std::runtime_error("not a hexadecimal digit in an escape");
}

/// Where the brace that opens `text` is closed; npos when it is not.
std::size_t closing_brace(std::string_view text) {
  std::size_t open = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '{') ++open;
    if (text[at] == '}' && --open == 0) return at;
  }
  return std::string_view::npos;
}

/// Expands `\*3{text}`, starting after the asterisk; moves `text` to what follows.
std::string repeated(std::string_view& text) {
  std::size_t times = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), times);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  const std::size_t close = closing_brace(text);
  if (error != std::errc{} || !text.starts_with('{') || close == std::string_view::npos) {
    throw std::runtime_error("not of the form \\*NUMBER{text}");
  }
  const std::string once = unescaped(text.substr(1, close - 1));
  text.remove_prefix(close + 1);
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += once;
  return all;
}

}  // namespace

std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\') {
      out += c;
      continue;
    }
    const char escape = text.empty() ? '\0' : text.front();
    text.remove_prefix(text.empty() ? 0 : 1);
    switch (escape) {
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case '\\':
        out += '\\';
        break;
      case 'x':
        if (text.size() < 2) throw std::runtime_error("\\x needs two digits");
        out += static_cast<char>(hex_digit(text[0]) * 16 + hex_digit(text[1]));
        text.remove_prefix(2);
        break;
      case '*':
        out += repeated(text);
        break;
      default:
        throw std::runtime_error("an unknown escape");
    }
  }
  return out;
}

std::vector<Case> read_cases(const std::string& path) {
  return Reader(path).read();
}

std::vector<std::string> files_of(const std::string& kind) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(BONEDRY_CORPUS "/" + kind)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  return files;
}

std::string test_name(const std::string& path) {
  std::string name = std::filesystem::path(path).stem().string();
  std::ranges::replace_if(
      name, [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

std::string shown(std::string_view bytes) {
  static constexpr std::size_t kMax = 600;
  std::string out;
  for (const char c : bytes.substr(0, kMax)) {
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n\n";
    } else if (c >= ' ' && c < 0x7f) {
      out += c;
    } else {
      char hex[8];
      std::snprintf(hex, sizeof(hex), "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += hex;
    }
  }
  if (bytes.size() > kMax) out += "... (" + std::to_string(bytes.size()) + " bytes)";
  return out;
}

}  // namespace bonedry::corpus
