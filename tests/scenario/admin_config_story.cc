// Configs: checked, refused with the position of the mistake, reloaded; and programs that start,
// refuse to start, and take over what a dead process left.
#include "tests/scenario/story.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

class ConfigStory : public ShopStory {
 protected:
  [[nodiscard]] RunResult check(const std::string& path) const {
    return run_program({bonedry_program(), "--config", path, "--check"});
  }

  /// Writes the config with one line replaced; returns the line's number.
  std::size_t exchange_line(const std::string& from, const std::string& to) const {
    std::string text = read_file(bonedry_->config_path());
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    write_file(bonedry_->config_path(), text);
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(at);
    return static_cast<std::size_t>(std::count(text.begin(), end, '\n')) + 1;
  }

  void prepare(TestConfig config) {
    bonedry_ = std::make_unique<BonedryProcess>(std::move(config), BonedryProcess::Start::later);
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, ConfigStory, worker_counts(), name_of_workers);

TEST_P(ConfigStory, AGoodConfigPassesTheCheckAndStartsNothing) {
  prepare(config());
  const RunResult result = check(bonedry_->config_path());
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(alice_.connections(), 0U);
}

TEST_P(ConfigStory, AnUnknownKeyIsNamedWithItsPlaceAndTheNearestKnownOne) {
  prepare(config());
  const auto line = exchange_line("workers = ", "wrokers = ");
  const RunResult result = check(bonedry_->config_path());
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("bonedry.toml:" + std::to_string(line) + ":1: "),
                                HasSubstr("wrokers"), HasSubstr("workers")));
}

TEST_P(ConfigStory, EveryMistakeIsRefusedWithItsPlace) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"workers = ", "workers = \"many\" #"},
      {"[[pool.node]]", "[[pool.nodes]]"},
      {"name = \"alice\"", "name = \"bob\""},
      {"name = \"alice\"", "name = \"\""},
      {"address = \"127.0.0.1:0\"", "address = \"localhost\""},
      {"pool = \"shop\"", "pool = \"shopp\""},
      {"[pool.session]", "[pool.session]\nidle_timeout = \"20\""},
      {"[pool.session]", "[pool.session]\nidle_timeout = 20"},
      {"[pool.session]", "[pool.session]\nsticky = \"glue\""},
      {"[pool.session]", "[pool.session]\ncookie = \"a b\""},
      {"[limits]", "[limits]\nheaders = -1"},
      {"[server]", "[server\n"},
      {"[server]", "[server]\nsecrets = [\"short\"]"},
  };
  for (const auto& [from, to] : mistakes) {
    SCOPED_TRACE(to);
    prepare(config());
    exchange_line(from, to);
    const RunResult result = check(bonedry_->config_path());
    EXPECT_EQ(result.code, 1);
    EXPECT_THAT(result.err, HasSubstr(bonedry_->config_path() + ":"));
    const auto at = result.err.find("bonedry.toml:");
    ASSERT_NE(at, std::string::npos) << result.err;
    EXPECT_THAT(result.err.substr(at, result.err.find('\n', at) - at),
                MatchesRegex("bonedry\\.toml:[0-9]+:[0-9]+: .+"));
    const RunResult started = run_program({bonedry_program(), "--config", bonedry_->config_path()});
    EXPECT_EQ(started.code, 1) << "and it does not start with it either";
  }
}

TEST_P(ConfigStory, TheCheckFindsWhatAStartWouldMeet) {
  TestConfig faulty = config();
  faulty.server = {"secret_file = \"/nonexistent\""};
  prepare(faulty);
  const RunResult result = check(bonedry_->config_path());
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.err, bonedry_->config_path() +
                            ": server.secret_file: cannot read /nonexistent: No such file or "
                            "directory\n");
  EXPECT_EQ(run_program({bonedry_program(), "--config", bonedry_->config_path()}).code, 1);

  prepare(config());
  exchange_line("state_dir = \"", "state_dir = \"/dev/null");
  const RunResult warned = check(bonedry_->config_path());
  EXPECT_EQ(warned.code, 0) << "another user may start it";
  EXPECT_THAT(warned.err, AllOf(HasSubstr("server.state_dir: cannot write to /dev/null/"),
                                HasSubstr("Not a directory (warning)\n")));
}

TEST_P(ConfigStory, TheCheckAnswersInJsonToo) {
  const auto check_json = [this](int code) {
    const RunResult result =
        run_program({bonedry_program(), "--config", bonedry_->config_path(), "--check", "--json"});
    EXPECT_EQ(result.code, code);
    EXPECT_EQ(result.err, "");
    return nlohmann::json::parse(result.out);
  };
  prepare(config());
  EXPECT_EQ(check_json(0), (nlohmann::json{{"file", bonedry_->config_path()},
                                           {"valid", true},
                                           {"problems", nlohmann::json::array()}}));
  const auto line = exchange_line("workers = ", "wrokers = ");
  exchange_line("[pool.session]", "[pool.session]\npending_timeout = \"1m\"");
  const auto answer = check_json(1);
  EXPECT_FALSE(answer.at("valid"));
  ASSERT_EQ(answer.at("problems").size(), 2U);
  const auto& error = answer.at("problems").at(0);
  EXPECT_EQ(error.at("severity"), "error");
  EXPECT_EQ(error.at("line"), line);
  EXPECT_EQ(error.at("column"), 1);
  EXPECT_EQ(error.at("key"), "server.wrokers");
  EXPECT_EQ(error.at("text"), "unknown key; did you mean \"workers\"?");
  EXPECT_EQ(answer.at("problems").at(1).at("severity"), "warning");
}

TEST_P(ConfigStory, AMissingFileIsSaidPlainly) {
  const RunResult result = check("/tmp/no-such-file.toml");
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("/tmp/no-such-file.toml"));
}

TEST_P(ConfigStory, HelpAndVersionAndWrongUsage) {
  EXPECT_THAT(run_program({bonedry_program(), "--version"}).out, HasSubstr(BONEDRY_VERSION));
  const RunResult help = run_program({bonedry_program(), "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("--config"), HasSubstr("--check")));
  const RunResult wrong = run_program({bonedry_program(), "--frobnicate"});
  EXPECT_GT(wrong.code, 0);
  EXPECT_NE(wrong.err, "");
}

TEST_P(ConfigStory, AReloadTakesTheNewConfig) {
  launch(config({}, {"balance = \"round-robin\""}));
  FakeNode carol{"carol"};
  TestConfig more = config({}, {"balance = \"round-robin\""});
  more.pools[0].nodes.emplace_back(carol);
  bonedry_->configure(more);
  EXPECT_EQ(ctl().code({"reload"}), 0);
  EXPECT_EQ(bonedry_->node("carol").state, "active");
  EXPECT_EQ(new_user_on(carol).click().status, 200);
}

TEST_P(ConfigStory, ABrokenReloadChangesNothingAndSaysWhere) {
  launch(config());
  User user = live_user_on(alice_);
  const auto before = bonedry_->status();
  const auto line = exchange_line("[pool.session]", "[pool.session]\ncokie = \"x\"");
  const RunResult result = ctl().run({"reload"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("bonedry.toml:" + std::to_string(line + 1) + ":"),
                                HasSubstr("cokie")));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
  const auto after = bonedry_->status();
  EXPECT_EQ(after.at("listeners"), before.at("listeners"));
  EXPECT_EQ(node_view(after, "alice").live, 1);
  EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
  EXPECT_EQ(user.node(), "alice");
}

TEST_P(ConfigStory, AFileThatIsNoTomlTextIsRefusedWithItsPlaceAndTheProcessGoesOn) {
  using namespace std::string_literals;
  launch(config());
  const std::string good = read_file(bonedry_->config_path());
  const std::string line(15U << 20U, 'x');
  const std::vector<std::pair<std::string, std::string>> files = {
      {good + "\0"s, ":1: the control character U+0000"},
      {"# hidden\r" + good, ":1:9: a carriage return"},
      {"# \xff\n" + good, ":1:3: invalid UTF-8"},
      {"\xff\xfe[\0"s, ":1:1: the file is in UTF-16"},
      {line + " = 1\n" + good, ":1:1: \"xxx"},
      {line + line, ": it is larger than 16 MiB"},
      {"", ":1:1: listener: missing"},
  };
  for (const auto& [text, what] : files) {
    SCOPED_TRACE(what);
    write_file(bonedry_->config_path(), text);
    const RunResult checked = check(bonedry_->config_path());
    EXPECT_EQ(checked.code, 1);
    EXPECT_THAT(checked.err, HasSubstr(bonedry_->config_path() + what.substr(0, 1)));
    EXPECT_THAT(checked.err, HasSubstr(what));
    const RunResult reloaded = ctl().run({"reload"});
    EXPECT_EQ(reloaded.code, 1);
    EXPECT_THAT(reloaded.err, HasSubstr(what));
    EXPECT_LT(reloaded.err.size(), 1000U);
  }
  write_file(bonedry_->config_path(), "\xef\xbb\xbf" + good);
  EXPECT_EQ(check(bonedry_->config_path()).code, 0);
  EXPECT_EQ(ctl().code({"reload"}), 0);
  EXPECT_EQ(User(bonedry_->address()).click().status, 200);
}

TEST_P(ConfigStory, ASecondBonedryOnTheSameSocketRefuses) {
  launch(config());
  const RunResult second =
      run_program({bonedry_program(), "--config", bonedry_->config_path()}, {}, kDeadline);
  EXPECT_GT(second.code, 0);
  EXPECT_THAT(second.err, HasSubstr(bonedry_->socket_path()));
  EXPECT_EQ(node(alice_).state, "active") << "the first one lives on";
  EXPECT_EQ(User{bonedry_->address()}.click().status, 200);
}

TEST_P(ConfigStory, ASocketThatADeadOneLeftIsReplaced) {
  launch(config());
  bonedry_->kill9();
  EXPECT_THROW((void)Socket::connect_unix(bonedry_->socket_path()), SocketError);
  bonedry_->start();
  EXPECT_EQ(node(alice_).state, "active");
}

TEST_P(ConfigStory, AFileThatIsNoSocketIsNotReplaced) {
  prepare(config());
  write_file(bonedry_->socket_path(), "precious");
  const RunResult result =
      run_program({bonedry_program(), "--config", bonedry_->config_path()}, {}, kDeadline);
  EXPECT_GT(result.code, 0);
  EXPECT_THAT(result.err, HasSubstr(bonedry_->socket_path()));
  EXPECT_EQ(read_file(bonedry_->socket_path()), "precious");
}

TEST_P(ConfigStory, APortThatIsTakenIsSaidPlainly) {
  const Socket taken{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof local;
  ASSERT_EQ(::bind(taken.fd(), reinterpret_cast<const sockaddr*>(&local), size), 0);
  ASSERT_EQ(::listen(taken.fd(), 1), 0);
  ASSERT_EQ(::getsockname(taken.fd(), reinterpret_cast<sockaddr*>(&local), &size), 0);
  const std::string address = "127.0.0.1:" + std::to_string(ntohs(local.sin_port));

  prepare(config());
  exchange_line("address = \"127.0.0.1:0\"", "address = \"" + address + "\"");
  const RunResult result =
      run_program({bonedry_program(), "--config", bonedry_->config_path()}, {}, kDeadline);
  EXPECT_GT(result.code, 0);
  EXPECT_THAT(result.err, HasSubstr(address));
}

}  // namespace
}  // namespace bonedry::test
