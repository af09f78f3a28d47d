// HTTP/2 as a real browser speaks it: Chromium without a window, over TLS.
#include "tests/scenario/story.h"
#include "tests/support/browser.h"
#include "tests/support/certificates.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>

namespace bonedry::test {
namespace {

using nlohmann::json;
using testing::IsEmpty;

constexpr int kResources = 20;

/// A page with a form, which loads scripts; each of these tells which node has sent it.
void serve_shop(NodeExchange& exchange) {
  std::string page = "<html><head><link rel=icon href=data:,><script>var seen = []</script>";
  for (int i = 0; i < kResources; ++i) {
    page += "<script async src=/script?" + std::to_string(i) + "></script>";
  }
  page += "</head><body><form method=post action=/form><input name=cart value=7></form>";
  exchange.respond(200, page + "page of " + exchange.node_name(), {{"Content-Type", "text/html"}});
}

void serve_script(NodeExchange& exchange) {
  exchange.respond(200, "seen.push('" + exchange.node_name() + "')",
                   {{"Content-Type", "text/javascript"}, {"Cache-Control", "no-store"}});
}

class Http2BrowserStory : public ShopStory {
 protected:
  void SetUp() override {
    const auto chromium = Browser::program();
    if (!chromium) GTEST_SKIP() << "takes Chromium: apt-get install chromium-headless-shell";
    browser_ = std::make_unique<Browser>(*chromium);
    for (FakeNode* const node : {&alice_, &bob_}) {
      node->on("/", serve_shop);
      node->on("/script", serve_script);
    }
    launch(tls_config());
  }

  /// A page of somebody who has never been here.
  [[nodiscard]] Page visitor() {
    Page page{*browser_, browser_->new_profile()};
    page.trust_every_certificate();
    return page;
  }
  /// Opens the shop with all that belongs to it, which must come from this node.
  void expect_shop_of(const std::string& node, Page& page) const {
    page.open("https://" + bonedry_->address() + "/");
    const std::string count = std::to_string(kResources);
    EXPECT_TRUE(page.becomes_true("document.readyState === 'complete' && seen.length === " + count +
                                  " && document.body.innerText.includes('page of " + node +
                                  "') && seen.every(each => each === '" + node + "')"))
        << page.value("[document.body.innerText, seen]");
    EXPECT_EQ(page.value("performance.getEntries().filter(e => e.nextHopProtocol === 'h2').length"),
              kResources + 1);
    EXPECT_THAT(page.complaints(), IsEmpty());
  }
  /// How the log says that clients have spoken; nothing but whole responses.
  void expect_only_http2(int at_least) const {
    EXPECT_TRUE(eventually([&] { return log_lines() >= at_least; }));
    std::istringstream lines{bonedry_->out()};
    for (std::string line; std::getline(lines, line);) {
      const json entry = json::parse(line);
      EXPECT_EQ(entry.at("protocol"), "HTTP/2.0") << line;
      EXPECT_EQ(entry.at("tls_version"), "TLSv1.3") << line;
      EXPECT_EQ(entry.at("end"), "completed") << line;
    }
  }

 private:
  [[nodiscard]] TestConfig tls_config() const {
    const CertificateAuthority authority;
    const IssuedCertificate issued = authority.issue({.names = {"shop.example", "127.0.0.1"}});
    write_file(files_ / "shop.pem", issued.certificate);
    write_file(files_ / "shop.key", issued.key);
    TestConfig shop = config({R"(logout = [{ method = "POST", path = "/logout" }])"});
    shop.pools[0].listener = {"tls = { certificates = [{ certificate = \"" + (files_ / "shop.pem") +
                              "\", key = \"" + (files_ / "shop.key") + "\" }] }"};
    return shop;
  }
  [[nodiscard]] std::ptrdiff_t log_lines() const {
    const std::string out = bonedry_->out();
    return std::count(out.begin(), out.end(), '\n');
  }

  TempDir files_;
  std::unique_ptr<Browser> browser_;
};

INSTANTIATE_TEST_SUITE_P(Workers, Http2BrowserStory, worker_counts(), name_of_workers);

TEST_P(Http2BrowserStory, ItsUserStaysOnABleedingNodeAndANewOneGoesElsewhere) {
  Page anna = visitor();
  order("bleed bob");
  expect_shop_of("alice", anna);
  order("activate bob");
  order("bleed alice");
  expect_shop_of("alice", anna);

  Page otto = visitor();
  expect_shop_of("bob", otto);
  EXPECT_EQ(node(alice_).live, 1);
  EXPECT_EQ(node(bob_).live, 1);

  const json upload = anna.value(
      "fetch('/upload', {method: 'POST', body: new Uint8Array(1000000)}).then(r => r.json())");
  EXPECT_EQ(upload.at("node"), "alice");
  EXPECT_EQ(upload.at("size"), 1'000'000);
  anna.run("document.forms[0].submit()");
  EXPECT_TRUE(anna.becomes_true("location.pathname === '/form'"));
  EXPECT_TRUE(anna.becomes_true("JSON.parse(document.body.innerText).node === 'alice'"))
      << anna.value("document.body.innerText");
  EXPECT_EQ(anna.value("JSON.parse(document.body.innerText).size"), 6) << "cart=7";
  EXPECT_FALSE(node(alice_).dry);

  EXPECT_EQ(anna.value("fetch('/logout', {method: 'POST'}).then(r => r.status)"), 200);
  EXPECT_TRUE(eventually_dry(alice_));
  expect_shop_of("bob", anna);
  expect_only_http2(4 * (kResources + 1) + 3);
}

}  // namespace
}  // namespace bonedry::test
