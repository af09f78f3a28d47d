// HAProxy's commands with the real tools, unchanged: Ansible's module, hatop and
// prometheus-haproxy-exporter. And a roll by our own Ansible role.
#include "tests/scenario/story.h"
#include "tests/support/temporary_directory.h"

#include <unistd.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

constexpr const char* kAnsible = "/usr/bin/ansible-playbook";  // `ansible` installs 260 MB
/// Has the module, which is not part of ansible-core.
constexpr const char* kAnsibleModule =
    "/usr/lib/python3/dist-packages/ansible_collections/community/general/plugins/modules/"
    "haproxy.py";
constexpr const char* kHatop = "/usr/bin/hatop";
constexpr const char* kTmux = "/usr/bin/tmux";
constexpr const char* kExporter = "/usr/bin/prometheus-haproxy-exporter";
/// Ansible starts Python a few times for each task.
const Millis kAnsibleDeadline = kDeadline * 12;

bool is_there(const char* file) {
  return ::access(file, R_OK) == 0;
}

class HaproxyToolStory : public ShopStory {
 protected:
  HaproxyToolStory() { launch(config({"idle_timeout = \"8s\""})); }

  [[nodiscard]] RunResult play(const std::string& playbook, const std::string& inventory) const {
    files_.write("playbook.yml", playbook);
    files_.write("inventory.ini", inventory);
    return run_program({kAnsible, "-i", files_ / "inventory.ini", files_ / "playbook.yml"},
                       {"HOME=" + (files_ / ""), "LC_ALL=C.UTF-8", "ANSIBLE_NOCOLOR=1",
                        "ANSIBLE_CONFIG=" + files_.write("ansible.cfg", ""),
                        "ANSIBLE_ROLES_PATH=" BONEDRY_SOURCE_DIR "/conf/ansible/roles"},
                       kAnsibleDeadline);
  }

  /// The recipe that drains a server with Ansible's module for HAProxy.
  [[nodiscard]] RunResult disable_with_ansible(const std::string& options) const {
    return play(
        "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - community.general.haproxy:\n"
        "        state: disabled\n        host: alice\n        backend: shop\n"
        "        socket: " +
            bonedry_->socket_path() + "\n        wait_interval: 1\n" + options,
        "localhost ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n");
  }

  [[nodiscard]] bool events_have(const std::string& text) const {
    return bonedry_->admin("events").find(text) != std::string::npos;
  }

  TemporaryDirectory files_;
};

// The tools take seconds, and talk to the main thread alone.
INSTANTIATE_TEST_SUITE_P(Workers, HaproxyToolStory, testing::Values(1U), name_of_workers);

TEST_P(HaproxyToolStory, AnsiblesRecipeWaitsForTheUserWhoClicksEveryTwoSeconds) {
  if (!is_there(kAnsibleModule)) GTEST_SKIP() << "Debian's package ansible is not installed";
  User user = live_user_on(alice_);
  std::optional<RunResult> result;
  std::thread playbook([&] {
    result = disable_with_ansible(
        "        drain: true\n        wait: true\n        wait_retries: 100\n");
  });
  const auto bleeds_while_the_user_clicks = [&] {
    user.click();
    return node(alice_).state == "bleeding";
  };
  EXPECT_TRUE(eventually(bleeds_while_the_user_clicks, kAnsibleDeadline));
  // The story is about this pause: HAProxy counts no session in it, and calls the server drained.
  for (int click = 0; click < 4; ++click) {
    std::this_thread::sleep_for(std::chrono::seconds{2});
    EXPECT_EQ(node(alice_).state, "bleeding");
    EXPECT_EQ(user.click().status, 200);
    EXPECT_EQ(user.node(), "alice");
  }
  playbook.join();
  EXPECT_EQ(result->code, 0) << result->out << result->err;
  EXPECT_THAT(result->out, HasSubstr("changed=1"));
  EXPECT_EQ(node(alice_).state, "maintenance");
  EXPECT_EQ(node(alice_).moved, 0);
  EXPECT_TRUE(events_have("reason: HAProxy: set server state drain"));
  EXPECT_FALSE(events_have("forced"));
}

TEST_P(HaproxyToolStory, AnsiblesRecipeCanBeRunAgainAndUndone) {
  if (!is_there(kAnsibleModule)) GTEST_SKIP() << "Debian's package ansible is not installed";
  const std::string wait = "        drain: true\n        wait: true\n";
  for (int run = 0; run < 2; ++run) {
    const RunResult result = disable_with_ansible(wait);
    EXPECT_EQ(result.code, 0) << result.out << result.err;
    EXPECT_EQ(node(alice_).state, "maintenance");
  }
  const RunResult enabled = play(
      "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - community.general.haproxy:\n"
      "        {state: enabled, host: alice, weight: 100%, socket: " +
          bonedry_->socket_path() + "}\n",
      "localhost ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n");
  EXPECT_EQ(enabled.code, 0) << enabled.out << enabled.err;
  EXPECT_EQ(node(alice_).state, "active");
}

TEST_P(HaproxyToolStory, AnsiblesRecipeFailsWhereTheGuardRefuses) {
  if (!is_there(kAnsibleModule)) GTEST_SKIP() << "Debian's package ansible is not installed";
  order("bleed bob");
  const RunResult result =
      disable_with_ansible("        drain: true\n        wait: true\n        wait_retries: 3\n");
  EXPECT_NE(result.code, 0);
  EXPECT_THAT(result.out + result.err, HasSubstr("not status 'DRAIN'"));
  EXPECT_EQ(node(alice_).state, "active");
}

TEST_P(HaproxyToolStory, OurRoleTakesANodeOutAndPutsItBack) {
  if (!is_there(kAnsible)) GTEST_SKIP() << "Debian's package ansible is not installed";
  const std::string inventory =
      "[all:vars]\nansible_connection=local\nansible_python_interpreter=/usr/bin/python3\n"
      "bonedry_ctl=" +
      bonedryctl_program() + "\nbonedry_socket=" + bonedry_->socket_path() +
      "\nupdate_command=" + bonedryctl_program() + " --socket " + bonedry_->socket_path() +
      " status\n[bonedry]\nproxy\n[shop]\nalice\nbob\n";
  const RunResult result = play(read_file(BONEDRY_SOURCE_DIR "/conf/ansible/roll.yml"), inventory);
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  for (const FakeNode* const each : {&alice_, &bob_}) {
    EXPECT_EQ(node(*each).state, "active");
    for (const std::string kind : {"bleed", "dry", "maintain", "activate"})
      EXPECT_TRUE(events_have(kind + " shop/" + each->name())) << kind;
  }
  EXPECT_FALSE(events_have("forced"));
  EXPECT_THAT(result.out, HasSubstr("changed=4")) << "bleed, maintain, the update, activate";
}

/// hatop on a terminal of its own.
class Hatop {
 public:
  explicit Hatop(const std::string& socket) {
    (void)tmux(
        {"new-session", "-d", "-x", "120", "-y", "30", std::string(kHatop) + " -s " + socket});
  }
  ~Hatop() { (void)tmux({"kill-server"}); }
  Hatop(const Hatop&) = delete;
  Hatop& operator=(const Hatop&) = delete;

  void type(const std::vector<std::string>& keys) const {
    std::vector<std::string> arguments{"send-keys"};
    arguments.insert(arguments.end(), keys.begin(), keys.end());
    (void)tmux(arguments);
  }
  [[nodiscard]] std::string screen() const { return tmux({"capture-pane", "-p"}).out; }
  /// Whether a line with both words appears; hatop draws every 3 seconds.
  [[nodiscard]] bool shows(const std::string& first, const std::string& second) const {
    return eventually(
        [&] {
          const std::string text = "\n" + screen();
          const std::size_t line = text.find("\n" + first);
          return line != std::string::npos &&
                 text.substr(line, text.find('\n', line + 1) - line).find(second) !=
                     std::string::npos;
        },
        kDeadline * 3);
  }

 private:
  [[nodiscard]] RunResult tmux(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all{kTmux, "-f", "/dev/null", "-S", files_ / "tmux"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_program(all, {"LC_ALL=C.UTF-8", "TERM=screen"});
  }

  TemporaryDirectory files_;
};

TEST_P(HaproxyToolStory, HatopShowsAndChangesTheServers) {
  if (!is_there(kHatop) || !is_there(kTmux)) GTEST_SKIP() << "hatop or tmux is not installed";
  User user = live_user_on(alice_);
  const Hatop hatop(bonedry_->socket_path());
  ASSERT_TRUE(hatop.shows("alice", " 100 -")) << hatop.screen();
  EXPECT_THAT(hatop.screen(), HasSubstr("bonedry Version: 3."));
  hatop.type({"5"});
  ASSERT_TRUE(hatop.shows(">", "")) << hatop.screen();
  hatop.type({"-l", "set server shop/alice state drain"});
  hatop.type({"Enter"});
  EXPECT_TRUE(eventually([this] { return node(alice_).state == "bleeding"; })) << hatop.screen();
  hatop.type({"Escape"});
  hatop.type({"1"});
  EXPECT_TRUE(hatop.shows("alice", "DRAIN")) << hatop.screen();
  ASSERT_TRUE(eventually_dry(alice_));
  hatop.type({"Down", "Down", "Down", "Down", "F10"});
  EXPECT_TRUE(eventually([this] { return node(alice_).state == "maintenance"; })) << hatop.screen();
  EXPECT_TRUE(hatop.shows("alice", "MAINT")) << hatop.screen();
  hatop.type({"F9"});
  EXPECT_TRUE(eventually([this] { return node(alice_).state == "active"; })) << hatop.screen();
}

TEST_P(HaproxyToolStory, TheExporterReadsTheTablesWithoutAnError) {
  if (!is_there(kExporter)) GTEST_SKIP() << kExporter << " is not installed";
  User user = live_user_on(alice_);
  order("bleed alice");
  const ChildProcess exporter{
      {.arguments = {kExporter, "--haproxy.scrape-uri=unix:" + bonedry_->socket_path(),
                     "--web.listen-address=127.0.0.1:0"},
       .err_path = files_ / "log"}};
  const std::string key = "msg=\"Listening on\" address=";
  ASSERT_TRUE(eventually([&] { return read_file(files_ / "log").find(key) != std::string::npos; }))
      << read_file(files_ / "log");
  std::string address = read_file(files_ / "log");
  address.erase(0, address.find(key) + key.size());
  address.erase(address.find('\n'));
  const std::string metrics = HttpClient{address, std::nullopt}.get("/metrics").body;
  for (const std::string line :
       {"haproxy_up 1", R"(haproxy_server_up{backend="shop",server="alice"} 1)",
        R"(haproxy_server_current_sessions{backend="shop",server="alice"} 1)",
        R"(haproxy_server_weight{backend="shop",server="bob"} 100)",
        R"(haproxy_backend_up{backend="shop"} 1)", "haproxy_exporter_csv_parse_failures_total 0"}) {
    EXPECT_THAT(metrics, HasSubstr(line + "\n"));
  }
}

}  // namespace
}  // namespace bonedry::test
