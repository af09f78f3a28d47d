#include "conf/token_files.h"

#include "conf/values.h"
#include "proxy/base/file.h"
#include "proxy/base/result.h"

#include <sys/stat.h>

#include <cstddef>
#include <string>

namespace bonedry::conf {
namespace {

constexpr std::size_t kMaxFileBytes = 1024;  // the longest token, and room for a line end

Result<TokenDigest> read_token(const std::string& path) {
  const Result<std::string> text = read_file(path, kMaxFileBytes);
  if (!text) return Failure{text.error()};
  struct stat there {};
  if (::stat(path.c_str(), &there) == 0 && (there.st_mode & S_IRWXO) != 0) {
    return Failure{path + " is accessible to all users; use chmod o= " + path};
  }
  std::string_view token = *text;
  if (token.ends_with('\n')) token.remove_suffix(1);
  if (token.ends_with('\r')) token.remove_suffix(1);
  const std::string wrong = token_error(token);
  if (!wrong.empty()) return Failure{path + ": " + wrong};
  return TokenDigest{token};
}

Problem problem_of(const AdminToken& token, const char* key, std::string what) {
  return {Problem::Severity::error,
          {kNowhere, "admin.token[" + token.name + "]." + key},
          std::move(what)};
}

const char* key_of(const AdminToken& token) {
  return token.file.empty() ? "token" : "token_file";
}

}  // namespace

std::vector<Problem> read_token_files(Admin& admin) {
  std::vector<Problem> problems;
  for (AdminToken& token : admin.tokens) {
    if (token.file.empty()) continue;
    const Result<TokenDigest> digest = read_token(token.file);
    if (digest) {
      token.digest = *digest;
    } else {
      problems.push_back(problem_of(token, "token_file", digest.error()));
    }
  }
  if (!problems.empty()) return problems;
  for (std::size_t i = 0; i < admin.tokens.size(); ++i) {
    for (std::size_t other = 0; other < i; ++other) {
      if (admin.tokens[i].digest != admin.tokens[other].digest) continue;
      problems.push_back(problem_of(admin.tokens[i], key_of(admin.tokens[i]),
                                    "the same as that of \"" + admin.tokens[other].name +
                                        "\"; each token needs one of its own"));
      break;
    }
  }
  return problems;
}

}  // namespace bonedry::conf
