// The dashboard in a real browser: Chromium without a window.
#include "tests/scenario/axe.h"
#include "tests/scenario/story.h"
#include "tests/support/browser.h"
#include "tests/support/socket.h"

#include <algorithm>
#include <array>
#include <deque>
#include <iostream>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using nlohmann::json;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kLogout = R"(logout = [{ method = "POST", path = "/logout" }])";

/// How long the page may take to show what `status` says: figures come each second.
constexpr Millis kShownWithin{1500};

class DashboardStory : public ShopStory {
 protected:
  void SetUp() override {
    const auto chromium = Browser::program();
    if (!chromium) GTEST_SKIP() << "takes Chromium: apt-get install chromium-headless-shell";
    browser_ = std::make_unique<Browser>(*chromium);
    page_ = std::make_unique<Page>(*browser_);
    page_->resize(1280, 900);
  }

  /// Whatever a story does, the page asks nobody but bonedry, and complains of nothing but what the
  /// story has provoked.
  void TearDown() override {
    if (!page_) return;
    EXPECT_THAT(page_->complaints(), IsEmpty());
    for (const std::string& url : page_->requests()) {
      EXPECT_TRUE(url.starts_with(origin() + "/") || url == "about:blank") << url;
    }
  }

  [[nodiscard]] std::string origin() const { return "http://" + door_.address(); }

  [[nodiscard]] TestConfig with_dashboard(TestConfig config) const {
    config.admin.push_back("http = \"" + door_.address() + "\"");
    return config;
  }

  void open_dashboard(const std::string& path = "/") {
    page_->open(origin() + path);
    EXPECT_TRUE(page_->becomes_true("document.body.classList.contains('is-live')"));
  }

  /// Waits until the page shows this text in the card or the row of a node.
  [[nodiscard]] bool shows(const std::string& node, const std::string& text,
                           Millis deadline = kDeadline) {
    return page_->becomes_true("document.querySelector('[data-node=\"" + node +
                                   "\"]').innerText.includes(" + json(text).dump() + ")",
                               deadline);
  }

  /// A command's button of a node, which opens its dialog.
  void choose(const std::string& command, const std::string& node) {
    EXPECT_TRUE(page_->becomes_true(
        "document.querySelector(" +
        json("[data-node=\"" + node + "\"] button[data-command=" + command + "]:not([hidden])")
            .dump() +
        ").click() === undefined"));
    EXPECT_TRUE(page_->becomes_true("document.getElementById('dialog').open"));
  }

  void fill_in(const std::string& field, const std::string& text) {
    page_->run("document.querySelector('dialog [name=" + field +
               "]').value = " + json(text).dump());
  }

  void confirm() { page_->run("document.querySelector('dialog [type=submit]').click()"); }

  [[nodiscard]] bool dialog_closes() {
    return page_->becomes_true("!document.getElementById('dialog').open");
  }

  static void log_out(User& user) {
    EXPECT_EQ(user.send(Request{.method = "POST", .target = "/logout"}).status, 200);
  }

  ListeningPort door_;  // reserved: the page finds bonedry again after a restart
  std::unique_ptr<Browser> browser_;
  std::unique_ptr<Page> page_;
};

// The page sees no workers.
INSTANTIATE_TEST_SUITE_P(Workers, DashboardStory, testing::Values(4U), name_of_workers);

TEST_P(DashboardStory, TheCurveFallsAndDryIsShownAtOnce) {
  launch(with_dashboard(config({kLogout})));
  std::vector<User> users = live_users_on_alice(4);
  open_dashboard();
  EXPECT_TRUE(shows("shop/alice", "Active"));
  EXPECT_TRUE(shows("shop/alice", "4"));
  EXPECT_EQ(page_->value("document.querySelector('.cluster').hidden"), true) << "it is alone";

  choose("bleed", "shop/alice");
  fill_in("reason", "update 4.2");
  confirm();
  EXPECT_TRUE(dialog_closes());
  EXPECT_EQ(node(alice_).state, "bleeding");
  EXPECT_EQ(node(alice_).bleeding.at("reason"), "update 4.2");
  EXPECT_TRUE(shows("shop/alice", "4 users left"));
  EXPECT_TRUE(shows("shop/alice", "4 live sessions"));
  EXPECT_TRUE(shows("shop/alice", "update 4.2"));

  // The end of the curve, in pixels from the top: users who leave make it larger.
  const std::string end = "Number(document.querySelector('.curve-dot').getAttribute('cy'))";
  EXPECT_TRUE(page_->becomes_true(end + " > 0"));
  double before = page_->value(end).get<double>();
  for (std::size_t left = users.size() - 1; left > 0; --left) {
    log_out(users[left]);
    EXPECT_TRUE(
        shows("shop/alice", std::to_string(left) + (left == 1 ? " user" : " users") + " left"));
    EXPECT_TRUE(page_->becomes_true(end + " > " + std::to_string(before + 1)));
    before = page_->value(end).get<double>();
    EXPECT_EQ(users.front().click().status, 200);
  }

  log_out(users.front());
  EXPECT_TRUE(eventually_dry(alice_));
  EXPECT_TRUE(shows("shop/alice", "shop/alice is bone dry — update it now", kShownWithin));
  EXPECT_EQ(page_->value("document.getElementById('announcer').textContent"),
            "shop/alice is bone dry. Update it now.");
  EXPECT_EQ(page_->value("document.title"), "shop/alice is dry");
}

TEST_P(DashboardStory, ADryNodeIsTakenOutAndPutBack) {
  launch(with_dashboard(config()));
  order("bleed alice");
  EXPECT_TRUE(eventually_dry(alice_));
  open_dashboard();
  choose("maintain", "shop/alice");
  confirm();
  EXPECT_TRUE(dialog_closes());
  EXPECT_EQ(node(alice_).state, "maintenance");
  EXPECT_TRUE(shows("shop/alice", "shop/alice is out of rotation"));
  choose("activate", "shop/alice");
  confirm();
  EXPECT_TRUE(dialog_closes());
  EXPECT_EQ(node(alice_).state, "active");
  EXPECT_TRUE(shows("shop/alice", "Active"));
  // Its card is gone, and with it the button that had the focus.
  EXPECT_TRUE(
      page_->becomes_true("document.activeElement.closest('[data-node=\"shop/alice\"]') !== null"));
}

TEST_P(DashboardStory, ARefusalIsShownAndForcedOnlyByAnotherChoice) {
  launch(with_dashboard(config()));
  order("bleed bob");
  open_dashboard();
  choose("bleed", "shop/alice");
  confirm();
  EXPECT_TRUE(page_->becomes_true(
      "document.querySelector('dialog [role=alert]').innerText.startsWith('Refused: ')"));
  page_->forget_complaints();  // Chromium tells of each status 409
  confirm();                   // without the choice nothing is sent
  EXPECT_TRUE(page_->becomes_true("document.activeElement.id === 'force'"));
  EXPECT_EQ(node(alice_).state, "active");
  page_->run("document.getElementById('force').click()");
  confirm();
  EXPECT_TRUE(dialog_closes());
  EXPECT_EQ(node(alice_).state, "bleeding");
}

TEST_P(DashboardStory, TheKeyboardReachesADialogAndComesBack) {
  launch(with_dashboard(config()));
  open_dashboard();
  EXPECT_TRUE(shows("shop/alice", "Active"));
  page_->run("document.querySelector('[data-node=\"shop/alice\"] [data-command=bleed]').focus()");
  page_->press("Enter", 13);
  EXPECT_TRUE(page_->becomes_true("document.activeElement.name === 'reason'"));
  page_->press("Escape", 27);
  EXPECT_TRUE(dialog_closes());
  const std::string focused = "document.activeElement.dataset.command === 'bleed'";
  EXPECT_TRUE(page_->becomes_true(focused));
  // New figures replace no element: the button that has the focus stays.
  page_->run("window.before = document.activeElement");
  User{bonedry_->address()}.click();
  EXPECT_TRUE(
      page_->becomes_true("document.querySelector('main').innerText.includes('1 pending')"));
  EXPECT_TRUE(page_->becomes_true("document.activeElement === window.before"));
}

TEST_P(DashboardStory, ARollIsShownWhileItGoesOn) {
  launch(with_dashboard(config()));
  const std::vector<User> users = live_users_on_alice(1);
  open_dashboard();
  const ChildProcess roll{
      {{bonedryctl_program(), "--socket", bonedry_->socket_path(), "roll", "shop", "--", "true"}}};
  EXPECT_TRUE(page_->becomes_true(
      "document.querySelector('.roll').innerText.startsWith('Roll: 0 of 2 nodes done')"));
  EXPECT_TRUE(page_->becomes_true(
      "document.querySelector('.roll').innerText.includes('alice is bleeding')"));
  order("roll shop --abandon");
  EXPECT_TRUE(page_->becomes_true("document.querySelector('.roll').hidden"));
}

TEST_P(DashboardStory, WhoIsLeft) {
  launch(with_dashboard(config()));
  std::vector<User> users = live_users_on_alice(3);
  order("bleed alice --reason \"update 4.2\" --deadline 1h");
  open_dashboard("/#/node/shop/alice");
  EXPECT_TRUE(page_->becomes_true("document.querySelectorAll('.sessions tbody tr').length === 3"));
  EXPECT_TRUE(
      page_->becomes_true("document.querySelector('main').innerText.includes('update 4.2')"));
  EXPECT_TRUE(
      page_->becomes_true("document.querySelector('main').innerText.includes('Deadline at ')"));
  page_->run("document.querySelector('.col-exchanges .sort').click()");
  EXPECT_TRUE(page_->becomes_true(
      "document.querySelector('.col-exchanges').getAttribute('aria-sort') === 'descending'"));
}

TEST_P(DashboardStory, ItSaysThatItsFiguresAreOldAndGoesOnAfterARestart) {
  launch(with_dashboard(config()));
  open_dashboard();
  EXPECT_TRUE(shows("shop/alice", "Active"));
  bonedry_->stop();
  EXPECT_TRUE(page_->becomes_true(
      R"(/^Figures are \d+s old: no connection to the proxy/.test(document.getElementById('stale').innerText))"));
  bonedry_->start();
  EXPECT_TRUE(page_->becomes_true("document.getElementById('stale').hidden", kDeadline * 2));
  order("bleed alice");
  EXPECT_TRUE(shows("shop/alice", "shop/alice is bone dry"));
  page_->forget_complaints();  // Chromium tells of each connection that was refused
}

TEST_P(DashboardStory, APageFromElsewhereCanNeitherReadNorChange) {
  alice_.on("/evil", [](NodeExchange& exchange) {
    exchange.respond(200, "<!doctype html><title>elsewhere</title>",
                     {{"Content-Type", "text/html"}});
  });
  launch(with_dashboard(config()));
  Page evil{*browser_};
  evil.open("http://" + alice_.address() + "/evil");
  EXPECT_TRUE(evil.becomes_true("document.title === 'elsewhere'"));
  const auto attempt = [&](const std::string& path, const std::string& options) {
    return evil.value("fetch('" + origin() + path + "', " + options +
                      ").then(async r => r.type + ' ' + await r.text(), e => 'blocked')");
  };
  for (const char* path : {"/v1/status", "/v1/events", "/v1/sessions?node=shop/alice", "/"}) {
    EXPECT_EQ(attempt(path, "{}"), "blocked") << path;
    EXPECT_THAT(attempt(path, "{mode: 'no-cors'}"), AnyOf("blocked", "opaque ")) << path;
  }
  const std::string body = R"(, body: '{"node":"shop/alice"}'})";
  EXPECT_EQ(
      attempt("/v1/bleed", "{method: 'POST', headers: {'Content-Type': 'application/json'}" + body),
      "blocked");
  EXPECT_EQ(attempt("/v1/bleed", "{method: 'POST', headers: {'Content-Type': 'text/plain'}" + body),
            "blocked");
  EXPECT_THAT(attempt("/v1/bleed", "{method: 'POST', mode: 'no-cors'" + body),
              AnyOf("blocked", "opaque "));
  evil.run(
      "const form = document.createElement('form'); form.method = 'POST';"
      "form.enctype = 'text/plain'; form.action = '" +
      origin() +
      "/v1/bleed';"
      "const field = document.createElement('input'); field.name = "
      "'{\"node\":\"shop/alice\",\"reason\":\"';"
      "field.value = '\"}'; form.append(field); document.body.append(form); form.submit()");
  EXPECT_TRUE(evil.becomes_true("location.href.endsWith('/v1/bleed')"));
  EXPECT_EQ(node(alice_).state, "active");
  EXPECT_THAT(bonedry_->admin("events"), Not(HasSubstr("bleed")));
}

TEST_P(DashboardStory, AxeFindsNothing) {
  const std::string axe = axe_core();
  if (axe.empty()) GTEST_SKIP() << kNoAxe;
  launch(with_dashboard(config()));
  const std::vector<User> users = live_users_on_alice(2);
  order("bleed alice --reason \"update 4.2\" --deadline 1h");
  const auto check = [&](const std::string& what) { expect_accessible(*page_, axe, what); };
  open_dashboard();
  EXPECT_TRUE(shows("shop/alice", "2 users left"));
  check("nodes");
  page_->resize(360, 780);
  check("nodes on a phone");
  EXPECT_LE(page_->value("document.documentElement.scrollWidth").get<int>(), 360);
  choose("bleed", "shop/bob");
  check("dialog");
  confirm();
  EXPECT_TRUE(page_->becomes_true("!document.querySelector('dialog [role=alert]').hidden"));
  page_->forget_complaints();  // Chromium tells of the status 409
  check("refusal");
  page_->press("Escape", 27);
  page_->run("location.hash = '#/node/shop/alice'");
  EXPECT_TRUE(page_->becomes_true("document.querySelectorAll('.sessions tbody tr').length === 2"));
  check("who is left");
  EXPECT_LE(page_->value("document.documentElement.scrollWidth").get<int>(), 360);
}

TEST_P(DashboardStory, AThousandNodes) {
  constexpr int kNodes = 1000;
  constexpr int kTicks = 5;
  TestConfig many = with_dashboard(config());
  for (int i = 2; i < kNodes; ++i) {
    many.pools.front().nodes.emplace_back("node-" + std::to_string(i), alice_.address());
  }
  launch(many);
  order("bleed node-777");
  open_dashboard();
  EXPECT_TRUE(shows("shop/node-777", "bone dry"));
  EXPECT_EQ(page_->value("document.querySelectorAll('.rows .row').length"), kNodes - 1);

  page_->run(
      "window.ticks = []; new PerformanceObserver(list => list.getEntriesByName('draw').forEach(e "
      "=> ticks.push(e.duration))).observe({type: 'measure'})");
  EXPECT_TRUE(page_->becomes_true("ticks.length >= " + std::to_string(kTicks)));
  std::cout << "milliseconds of scripting for each second's figures of " << kNodes
            << " nodes: " << page_->value("ticks.map(t => Math.round(t * 10) / 10)").dump() << '\n';

  page_->run(
      "const box = document.getElementById('filter'); box.value = 'node-99';"
      "box.dispatchEvent(new Event('input'))");
  EXPECT_EQ(page_->value("document.querySelectorAll('.rows .row').length"), 11);  // 99, 990 to 999
  EXPECT_THAT(page_->value("document.querySelector('.found').innerText").get<std::string>(),
              HasSubstr("11 of 1,000 nodes"));
}

}  // namespace
}  // namespace bonedry::test
