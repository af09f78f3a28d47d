#include "layering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace bonedry::layering {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LayeringTest, OurIncludesPointOneWay) {
  EXPECT_THAT(violations(SOURCE_ROOT), IsEmpty());
}

/// A small tree with one valid file for each layer, to which tests add violations: a check that
/// cannot fail proves nothing.
class SmallTreeTest : public ::testing::Test {
 protected:
  SmallTreeTest() {
    std::string name = ::testing::TempDir() + "bonedry_layering_XXXXXX";
    root_ = ::mkdtemp(name.data());
    write("proxy/base/clock.h", "#include <chrono>\n");
    write("proxy/io/loop.cc", "#include \"proxy/base/clock.h\"\n#include <uv.h>\n");
    write("proxy/tls/transport.cc", R"(#include "conf/config.h"
#include "proxy/io/loop.h"
#include <openssl/ssl.h>
)");
    write("proxy/http/codec.cc", "#include \"proxy/base/clock.h\"\n#include <llhttp.h>\n");
    write("proxy/http2/session.cc",
          "#include \"proxy/http/codec.h\"\n#include <nghttp2/nghttp2.h>\n");
    write("proxy/redis/client.cc", R"(#include "conf/config.h"
#include "proxy/io/loop.h"
#include "proxy/tls/transport.h"
#include <hiredis/read.h>
)");
    write("conf/config.cc", "#include \"proxy/base/clock.h\"\n#include <toml++/toml.h>\n");
    write("balancer/node.cc", "#include \"conf/config.h\"\n");
    write("session/ledger.cc", "#include \"conf/config.h\"\n#include \"balancer/node.h\"\n");
    write("proxy/server.cc", R"(#include "proxy/server.h"

#include "balancer/node.h"
#include "conf/config.h"
#include "proxy/http/codec.h"
#include "proxy/http2/session.h"
#include "proxy/io/loop.h"
#include "proxy/tls/transport.h"
#include "session/ledger.h"
#include <uv.h>
)");
    write("proxy/main.cc", "#include \"admin/table.h\"\n#include \"proxy/server.h\"\n");
    write("proxy/application.cc", "#include \"admin/table.h\"\n#include \"proxy/server.h\"\n");
    write("proxy/upgrade_coordinator.h", "#include \"admin/table.h\"\n");
    write("proxy/upgrade_coordinator.cc", "#include \"proxy/upgrade_coordinator.h\"\n");
    write("proxy/server_publisher.h", "#include \"admin/table.h\"\n");
    write("proxy/ledger_start.h", "#include \"admin/table.h\"\n");
    write("proxy/ledger_start.cc", "#include \"proxy/ledger_start.h\"\n");
    write("proxy/running_totals.h", "#include \"admin/table.h\"\n");
    write("proxy/running_totals.cc", "#include \"proxy/running_totals.h\"\n");
    write("proxy/admin_doors.h", "#include \"admin/table.h\"\n");
    write("proxy/admin_doors.cc", "#include \"proxy/admin_doors.h\"\n");
    write("admin/http_door/door.cc", R"(#include "admin/table.h"
#include "proxy/http/codec.h"
#include "proxy/tls/transport.h"
)");
    write("admin/cluster/sync.cc", R"(#include "admin/table.h"
#include "proxy/redis/commands.h"
)");
    write("admin/table.cc", R"(#include "balancer/node.h"
#include "proxy/io/loop.h"
#include "proxy/server.h"
#include "session/ledger.h"
#include <uv.h>
)");
  }
  ~SmallTreeTest() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream{root_ / path} << text;
  }
  void remove(const std::string& path) const { std::filesystem::remove_all(root_ / path); }

  /// The violations after one file is added.
  [[nodiscard]] std::vector<std::string> violations_with(const std::string& path,
                                                         const std::string& text) const {
    write(path, text);
    auto found = violations(root_);
    remove(path);
    return found;
  }

  std::filesystem::path root_;
};

TEST_F(SmallTreeTest, IsSound) {
  EXPECT_THAT(violations(root_), IsEmpty());
}

TEST_F(SmallTreeTest, FindsEveryIncludeThatPointsBack) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> forbidden{
      {"proxy/base",
       {"proxy/io/a.h", "proxy/tls/a.h", "proxy/http/a.h", "proxy/a.h", "conf/a.h", "balancer/a.h",
        "session/a.h", "admin/a.h"}},
      {"proxy/io",
       {"proxy/tls/a.h", "proxy/http/a.h", "proxy/a.h", "conf/a.h", "balancer/a.h", "session/a.h",
        "admin/a.h"}},
      {"proxy/tls", {"proxy/http/a.h", "proxy/a.h", "balancer/a.h", "session/a.h", "admin/a.h"}},
      {"proxy/http",
       {"proxy/io/a.h", "proxy/tls/a.h", "proxy/a.h", "conf/a.h", "balancer/a.h", "session/a.h",
        "admin/a.h"}},
      {"proxy/http2",
       {"proxy/io/a.h", "proxy/tls/a.h", "proxy/a.h", "conf/a.h", "balancer/a.h", "session/a.h",
        "admin/a.h"}},
      {"proxy/redis", {"proxy/http/a.h", "proxy/a.h", "balancer/a.h", "session/a.h", "admin/a.h"}},
      {"conf",
       {"proxy/io/a.h", "proxy/http/a.h", "proxy/a.h", "balancer/a.h", "session/a.h", "admin/a.h"}},
      {"balancer", {"proxy/io/a.h", "proxy/http/a.h", "proxy/a.h", "session/a.h", "admin/a.h"}},
      {"session", {"proxy/io/a.h", "proxy/http/a.h", "proxy/a.h", "admin/a.h"}},
      {"proxy", {"admin/a.h"}},
      {"admin", {"proxy/http/a.h", "proxy/worker.h"}}};
  for (const auto& [directory, headers] : forbidden) {
    const std::string layer = directory == "proxy" ? "proxy/*" : directory + "/";
    for (const std::string& header : headers) {
      EXPECT_THAT(
          violations_with(directory + "/bad.h", "\n#include \"" + header + "\"\n"),
          ElementsAre(directory + "/bad.h:2: " + header + ": " + layer + " may not include it"));
    }
  }
}

TEST_F(SmallTreeTest, FindsLibrariesOutsideTheirLayers) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> forbidden{
      {"uv.h", {"proxy/base", "proxy/http", "conf", "balancer", "session"}},
      {"uv/unix.h", {"proxy/base", "proxy/http", "conf", "balancer", "session"}},
      {"toml++/toml.h",
       {"proxy/base", "proxy/http", "proxy/io", "proxy", "balancer", "session", "admin"}},
      {"openssl/ssl.h",
       {"proxy/base", "proxy/io", "proxy/http", "proxy", "conf", "balancer", "admin"}},
      {"nghttp2/nghttp2.h", {"proxy/base", "proxy/http", "proxy", "admin"}},
      {"hiredis/read.h", {"proxy/io", "proxy/tls", "proxy", "session", "admin"}},
      {"llhttp.h", {"proxy/base", "proxy/io", "proxy", "conf", "balancer", "session", "admin"}}};
  for (const auto& [header, directories] : forbidden) {
    for (const std::string& directory : directories) {
      EXPECT_THAT(
          violations_with(directory + "/bad.cc", "#include <" + header + ">\n"),
          ElementsAre(directory + "/bad.cc:1: " + header + ": this library is not allowed here"));
    }
  }
}

TEST_F(SmallTreeTest, SeesThroughOtherWaysToWriteAnInclude) {
  const auto found = ElementsAre(::testing::StartsWith("conf/bad.cc:1: admin/table.h: "));
  EXPECT_THAT(violations_with("conf/bad.cc", "#include <admin/table.h>\n"), found);
  EXPECT_THAT(violations_with("conf/bad.cc", "  #  include\t\"admin/table.h\"  // why\n"), found);
  EXPECT_THAT(violations_with("conf/bad.cc", "#include \"admin/table.h\"\r\n"), found);
  EXPECT_THAT(violations_with("conf/bad.cc", "#include \"admin/table.h\""), found);
  EXPECT_THAT(violations_with("conf/bad.cc", "// #include \"admin/table.h\"\n"), IsEmpty());
}

TEST_F(SmallTreeTest, WantsPathsFromTheRoot) {
  for (const std::string header :
       {"config.h", "../admin/table.h", "bench/demo.h", "tests/support/a.h", "uv.h"}) {
    EXPECT_THAT(violations_with("conf/bad.cc", "#include \"" + header + "\"\n"),
                ElementsAre("conf/bad.cc:1: " + header +
                            ": names no file of a layer by its path "
                            "from the root of the project"));
  }
  EXPECT_THAT(violations_with("conf/bad.cc", "#include \"conf/../admin/table.h\"\n"),
              ElementsAre(::testing::StartsWith("conf/bad.cc:1: conf/../admin/table.h: ")));
}

TEST_F(SmallTreeTest, OnlyMainSeesBothProxyAndAdmin) {
  EXPECT_THAT(violations_with("proxy/deep/main.cc", "#include \"admin/table.h\"\n"),
              ElementsAre("proxy/deep/main.cc:1: belongs to no layer"));
}

TEST_F(SmallTreeTest, FindsFilesThatAreTooLong) {
  std::string longest;
  for (int line = 0; line < 600; ++line) longest += "//\n";
  EXPECT_THAT(violations_with("admin/long.cc", longest), IsEmpty());
  EXPECT_THAT(violations_with("admin/long.cc", longest + "//"),
              ElementsAre("admin/long.cc:601: longer than 600 lines"));
}

TEST_F(SmallTreeTest, FindsAnExchangeThatKnowsAProtocolOrASocket) {
  write("proxy/exchange.cc", "#include \"proxy/stream.h\"\n");
  write("proxy/stream.h", "#include \"proxy/http/message.h\"\n#include <sys/types.h>\n");
  write("proxy/http/message.h", "\n");
  EXPECT_THAT(violations(root_), IsEmpty());
  write("proxy/http/message.h", "#include \"proxy/http/parser.h\"\n");
  write("proxy/http/parser.h", "\n");
  EXPECT_THAT(
      violations(root_),
      ElementsAre("proxy/exchange.cc > proxy/stream.h > proxy/http/message.h: must not know "
                  "proxy/http/parser.h"));
  write("proxy/http/message.h", "\n");
  EXPECT_THAT(violations_with("proxy/exchange_context.h", "#include <sys/socket.h>\n"),
              ElementsAre("proxy/exchange_context.h: must not know sys/socket.h"));
}

TEST_F(SmallTreeTest, FindsALayerThatVanished) {
  remove("session");
  EXPECT_THAT(violations(root_), ElementsAre("session/:0: a layer without files"));
}

TEST(EmptyTreeTest, IsNotSound) {
  EXPECT_FALSE(violations("/nonexistent").empty());
}

}  // namespace
}  // namespace bonedry::layering
