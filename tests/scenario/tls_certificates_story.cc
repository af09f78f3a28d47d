// Certificates whose files change while users are served: nobody notices, except that the new ones
// are shown; and what is wrong with new files is said, and keeps the old ones.
#include "tests/scenario/story.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tls.h"

#include <atomic>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bonedry::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

/// Clients that connect one after the other, shake hands in full and ask for a page.
class Load {
 public:
  Load(std::string address, TlsClient tls)
      : thread_([this, address = std::move(address), tls = std::move(tls)] {
          while (!stopping_) connect(address, tls);
        }) {}
  ~Load() { stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Returns how many have failed.
  int stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return failed_;
  }
  [[nodiscard]] int served() const { return served_; }

 private:
  void connect(const std::string& address, const TlsClient& tls) {
    try {
      HttpClient client{address, tls};
      ++(client.get("/").status == 200 ? served_ : failed_);
    } catch (const SocketError& error) {
      ADD_FAILURE() << error.what();
      ++failed_;
    }
  }

  std::atomic<bool> stopping_ = false;
  std::atomic<int> served_ = 0;
  std::atomic<int> failed_ = 0;
  std::thread thread_;
};

class CertificatesStory : public ShopStory {
 protected:
  /// Replaces a file as careful tools do, so that it is never seen half-written.
  void replace(const std::string& name, const std::string& content) const {
    files_.write("new", content);
    fs::rename(files_ / "new", files_ / name);
  }
  void install(const std::string& name, const IssuedCertificate& issued) const {
    replace(name + ".key", issued.key);
    replace(name + ".pem", issued.certificate);
  }
  /// Points a symbolic link elsewhere as certbot does.
  void point(const std::string& link, const std::string& target) const {
    fs::create_symlink(target, files_ / "new");
    fs::rename(files_ / "new", files_ / link);
  }

  /// The `tls` key of a listener with these files.
  [[nodiscard]] std::string tls_of(const std::string& name,
                                   const std::string& more_keys = "") const {
    return "tls = { certificates = [{ certificate = \"" + (files_ / (name + ".pem")) +
           "\", key = \"" + (files_ / (name + ".key")) + "\" }]" + more_keys + " }";
  }
  [[nodiscard]] TestConfig shop_with(const std::string& tls) const {
    TestConfig shop = config();
    shop.timeouts = {"shutdown = \"2s\"", "idle = \"2s\""};
    shop.pools[0].listener = {tls};
    return shop;
  }
  /// A second pool, with its own listener.
  static void add_blog(TestConfig& config, const std::string& tls) {
    TestPool blog = config.pools[0];
    blog.name = "blog";
    blog.session.emplace_back("cookie = \"blog\"");
    blog.listener = {tls};
    config.pools.push_back(blog);
  }

  [[nodiscard]] TlsClient trusting() const { return {.ca = ca_.certificate()}; }
  [[nodiscard]] std::string served(const std::string& pool = "shop") const {
    HttpClient client{bonedry_->address(pool), trusting()};
    return client.socket().peer_certificate();
  }
  [[nodiscard]] bool eventually_served(const IssuedCertificate& issued,
                                       const std::string& pool = "shop") const {
    return eventually([&] { return served(pool) == issued.certificate; });
  }
  /// What `status json` says of TLS on the listener of a pool.
  [[nodiscard]] nlohmann::json tls_status(const std::string& pool = "shop") const {
    const nlohmann::json status = bonedry_->status();
    for (const nlohmann::json& listener : status["listeners"]) {
      if (listener["pool"] == pool) return listener["tls"];
    }
    return nullptr;
  }
  [[nodiscard]] std::string events() const { return bonedry_->admin("events"); }

  CertificateAuthority ca_;
  TemporaryDirectory files_;
};

INSTANTIATE_TEST_SUITE_P(Workers, CertificatesStory, worker_counts(), name_of_workers);

TEST_P(CertificatesStory, NewFilesAreServedWithoutAFailedHandshake) {
  const IssuedCertificate first = ca_.issue();
  install("shop", first);
  launch(shop_with(tls_of("shop")));
  EXPECT_EQ(served(), first.certificate);
  Load load(bonedry_->address(), trusting());
  EXPECT_TRUE(eventually([&] { return load.served() > 10; }));
  const IssuedCertificate next = ca_.issue({.names = {"shop.example", "next.example"}});
  install("shop", next);
  const TestTime replaced = TestClock::now();
  EXPECT_TRUE(eventually_served(next));
  EXPECT_LT(elapsed_since(replaced), scaled(Millis{4000}));
  const int before = load.served();
  EXPECT_TRUE(eventually([&] { return load.served() > before + 10; }));
  EXPECT_EQ(load.stop(), 0);
  EXPECT_TRUE(eventually([this] {
    return events().find("in force: " + (files_ / "shop.pem") +
                         " (shop.example, next.example; ECDSA P-256) until ") != std::string::npos;
  }));
  EXPECT_EQ(tls_status()["certificates"][0]["names"],
            (std::vector<std::string>{"shop.example", "next.example"}));
}

TEST_P(CertificatesStory, ANewCertificateWaitsForItsKey) {
  const IssuedCertificate first = ca_.issue();
  install("shop", first);
  launch(shop_with(tls_of("shop")));
  const IssuedCertificate next = ca_.issue();
  replace("shop.pem", next.certificate);
  const std::string wrong = "shop.key: the private key does not belong to the certificate";
  EXPECT_TRUE(bonedry_->says(wrong));
  EXPECT_THAT(bonedry_->err(), HasSubstr("warning certificate: listener "));
  EXPECT_EQ(served(), first.certificate);
  EXPECT_THAT(tls_status()["error"]["text"].get<std::string>(), HasSubstr(wrong));
  EXPECT_THAT(ctl().run({"status"}).out, HasSubstr("  new files not used for "));
  replace("shop.key", next.key);
  EXPECT_TRUE(eventually_served(next));
  EXPECT_TRUE(tls_status()["error"].is_null());
  EXPECT_EQ(count(bonedry_->err(), wrong), 1U);
  EXPECT_EQ(count(events(), wrong), 1U);
}

TEST_P(CertificatesStory, LinksAreFollowedAsCertbotMakesThem) {
  fs::create_directories(files_ / "archive/shop");
  fs::create_directories(files_ / "live/shop");
  const auto renew = [this](const std::string& number, const IssuedCertificate& issued) {
    files_.write("archive/shop/privkey" + number + ".pem", issued.key);
    files_.write("archive/shop/fullchain" + number + ".pem", issued.certificate);
    point("live/shop/s.key", "../../archive/shop/privkey" + number + ".pem");
    point("live/shop/s.pem", "../../archive/shop/fullchain" + number + ".pem");
  };
  renew("1", ca_.issue());
  launch(shop_with(tls_of("live/shop/s")));
  const IssuedCertificate next = ca_.issue();
  renew("2", next);
  EXPECT_TRUE(eventually_served(next));
}

TEST_P(CertificatesStory, ABadFileHoldsUpItsOwnListenerOnly) {
  const IssuedCertificate first = ca_.issue();
  install("shop", first);
  install("blog", ca_.issue());
  TestConfig both = shop_with(tls_of("shop"));
  add_blog(both, tls_of("blog"));
  launch(both);
  const IssuedCertificate next = ca_.issue();
  replace("shop.pem", first.certificate.substr(0, first.certificate.size() / 2));
  install("blog", next);
  EXPECT_TRUE(eventually_served(next, "blog"));
  EXPECT_EQ(served("shop"), first.certificate);
  EXPECT_THAT(tls_status("shop")["error"]["text"].get<std::string>(),
              HasSubstr("shop.pem: certificate 1 is damaged"));
  EXPECT_TRUE(tls_status("blog")["error"].is_null());
  EXPECT_THAT(bonedry_->admin("reload"), StartsWith("error: the config was not reloaded: "));

  replace("shop.pem", first.certificate);
  EXPECT_TRUE(eventually([this] { return tls_status("shop")["error"].is_null(); }));
  EXPECT_THAT(events(), HasSubstr("the certificate files are in order again"));
  EXPECT_EQ(served("shop"), first.certificate);
}

TEST_P(CertificatesStory, AuthoritiesOfClientsAreReadAgainToo) {
  install("shop", ca_.issue());
  replace("staff.pem", CertificateAuthority("Former staff").certificate());
  launch(shop_with(tls_of("shop", ", client_certificates = \"required\", client_ca = \"" +
                                      (files_ / "staff.pem") + "\"")));
  const CertificateAuthority staff("Staff");
  const IssuedCertificate badge = staff.issue({.names = {"employee"}});
  TlsClient employee = trusting();
  employee.certificate = badge.certificate;
  employee.key = badge.key;
  const auto is_let_in = [&] {
    try {
      HttpClient client{bonedry_->address(), employee};
      return client.get("/").status == 200;
    } catch (const SocketError&) {
      return false;
    }
  };
  EXPECT_FALSE(is_let_in());
  replace("staff.pem", staff.certificate());
  EXPECT_TRUE(eventually(is_let_in));
}

TEST_P(CertificatesStory, FilesAreWatchedAfterAReloadAndAnUpgrade) {
  install("shop", ca_.issue());
  launch(shop_with(tls_of("shop")));
  fs::create_directory(files_ / "other");
  install("other/shop", ca_.issue());
  bonedry_->configure(shop_with(tls_of("other/shop")));
  order("reload");
  const IssuedCertificate second = ca_.issue();
  install("other/shop", second);
  EXPECT_TRUE(eventually_served(second));

  bonedry_->upgrade();
  EXPECT_EQ(served(), second.certificate);
  const IssuedCertificate third = ca_.issue();
  install("other/shop", third);
  EXPECT_TRUE(eventually_served(third));
}

TEST_P(CertificatesStory, AReloadForgetsWhatWasWrong) {
  install("shop", ca_.issue());
  launch(shop_with(tls_of("shop")));
  replace("shop.key", "nothing\n");
  EXPECT_TRUE(eventually([this] { return !tls_status()["error"].is_null(); }));
  const IssuedCertificate next = ca_.issue();
  install("shop", next);
  order("reload");
  EXPECT_TRUE(tls_status()["error"].is_null());
  EXPECT_EQ(served(), next.certificate);
}

TEST_P(CertificatesStory, ADirectoryThatIsGoneIsReported) {
  fs::create_directory(files_ / "live");
  const IssuedCertificate first = ca_.issue();
  install("live/shop", first);
  launch(shop_with(tls_of("live/shop")));
  EXPECT_TRUE(eventually([this] { return bonedry_->open_descriptors("anon_inode:inotify") == 1; }));
  fs::rename(files_ / "live", files_ / "away");
  EXPECT_TRUE(bonedry_->says("cannot watch " + (files_ / "live") +
                             ": No such file or directory; new certificates there are noticed "
                             "within 60 s"));
  EXPECT_TRUE(bonedry_->says("cannot read " + (files_ / "live/shop.pem")));
  EXPECT_EQ(served(), first.certificate);
}

TEST_P(CertificatesStory, ACertificateNearItsEndIsReportedOnce) {
  install("shop", ca_.issue({.starts = std::chrono::hours{-24 * 80},
                             .ends = std::chrono::hours{24 * 6 + 12}}));
  TestConfig both = shop_with(tls_of("shop"));
  add_blog(both, tls_of("shop"));
  launch(both);
  EXPECT_TRUE(bonedry_->says("(shop.example; ECDSA P-256) expires in 6d"));
  EXPECT_EQ(count(events(), " expires in 6d"), 1U);
  EXPECT_EQ(tls_status()["certificates"][0]["days_left"], 6);
  EXPECT_THAT(ctl().run({"status"}).out, HasSubstr("  shop.example (ECDSA P-256): expires in 6d"));
}

}  // namespace
}  // namespace bonedry::test
