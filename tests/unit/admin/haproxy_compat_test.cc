#include "admin/haproxy_compat.h"

#include "tests/unit/admin/admin_rig.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace bonedry::admin {
namespace {

using test::AdminRig;

/// The rows that csv.DictReader, which skips empty lines, would read.
std::ptrdiff_t rows_below_the_header(const std::string& answer) {
  return std::ranges::count(answer, '\n') - 1;
}

TEST(HaproxyWords, ATableHasARowThatHasNoneOfTheColumns) {
  AdminRig rig;
  for (const std::string line :
       {"show stat", "SHOW STAT", "show stat -1 4 -1", "show info", "show info;show stat",
        "get weight shop/alice; disable server shop/alice", "set server shop/alice state drain",
        "@1 show stat", "help;show stat", "prompt", "set timeout cli 60", "quit", "show \"",
        "set ssl cert a <<", "add server shop/carol 127.0.0.1:1"}) {
    const std::string answer = rig.ask(line);
    EXPECT_TRUE(answer.starts_with("error: ")) << line << ": " << answer;
    EXPECT_NE(answer.find("HAProxy"), std::string::npos) << answer;
    EXPECT_EQ(rows_below_the_header(answer), 1) << answer;
    EXPECT_EQ(answer.find('"'), std::string::npos) << answer;
  }
}

TEST(HaproxyWords, WhoAsksForASeverityGetsAnError) {
  AdminRig rig;
  for (const std::string line :
       {"set severity-output number;help", "set severity-output number;set server a/b state drain",
        "@1 set severity-output number;@1 show info;quit", "@@1 set severity-output number;help"}) {
    const std::string answer = rig.ask(line);
    EXPECT_TRUE(answer.starts_with("\n[3]: ")) << answer;
    EXPECT_TRUE(answer.ends_with("\n\n")) << answer;
  }
  const std::string large = "set severity-output number;set ssl cert x <<" + std::string(9000, 'x');
  EXPECT_TRUE(rig.ask(large).starts_with("\n[3]: a command has at most "));
}

TEST(HaproxyWords, OurOwnMistakesStayOneLine) {
  AdminRig rig;
  for (const std::string line :
       {"bled alice", "status nowhere", "bleed", "help show", "frobnicate", "wait alice;bob", ""}) {
    const std::string answer = rig.ask(line);
    EXPECT_TRUE(answer.starts_with("error: ")) << answer;
    EXPECT_EQ(rows_below_the_header(answer), 0) << answer;
  }
}

}  // namespace
}  // namespace bonedry::admin
