#include "tests/unit/control/control_rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace bonedry::admin {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A control plane with two listeners that speak TLS. The clock of the tests starts at
/// 2023-11-14T22:13:20Z.
class ControlledCertificatesTest : public test::ControlTest {
 protected:
  ControlledCertificatesTest() {
    config.listeners = {listener(443, {certificate("shop.pem", days{90})}),
                        listener(444, {certificate("blog.pem", days{90})})};
    start();
  }

  [[nodiscard]] static conf::Listener listener(std::uint16_t port,
                                               std::vector<conf::Certificate> certificates) {
    conf::ListenerTls tls;
    tls.certificates = std::move(certificates);
    return {.address = {"127.0.0.1", port}, .pool = "shop", .tls = std::move(tls)};
  }
  /// Valid from now on.
  [[nodiscard]] conf::Certificate certificate(const std::string& file, Millis lifetime) const {
    conf::CertificateContents contents;
    contents.chain = contents.key = file;
    contents.names = {"shop.example"};
    contents.key_type = "ECDSA P-256";
    contents.not_before = clock.wall();
    contents.not_after = clock.wall() + lifetime;
    return {file, file, std::make_shared<const conf::CertificateContents>(std::move(contents))};
  }
  [[nodiscard]] conf::CertificateReading good(std::size_t index,
                                              const conf::Certificate& renewed) const {
    conf::ListenerTls tls = *control->config().listeners[index].tls;
    tls.certificates = {renewed};
    return {index, std::move(tls)};
  }
  [[nodiscard]] static conf::CertificateReading bad(std::size_t index, const std::string& why) {
    return {index, Failure{why}};
  }
  void renew(const std::vector<conf::CertificateReading>& readings) {
    control->renew_certificates(readings);
    publisher.acknowledge();
  }

  /// The texts of new events about certificates since the last call.
  std::vector<std::string> news() {
    std::vector<std::string> texts;
    for (; told_ < events.recent().size(); ++told_) {
      const Event& event = events.recent()[told_];
      if (event.kind == "certificate") texts.push_back(event.text);
    }
    return texts;
  }
  [[nodiscard]] WallTime end_in_force(std::size_t index) const {
    return publisher.published.back()->listeners[index].tls->certificates[0].contents->not_after;
  }
  [[nodiscard]] ListenerStatus status_of(std::size_t index) const {
    return control->status(std::nullopt)->listeners[index];
  }

  std::size_t told_ = 0;
};

TEST_F(ControlledCertificatesTest, WorkersGetWhatWasReadAndTheRestStays) {
  const WallTime before = config.listeners[0].tls->certificates[0].contents->not_after;
  renew({bad(0, "shop.pem: is empty"), good(1, certificate("blog.pem", days{100}))});
  EXPECT_EQ(end_in_force(0), before);
  EXPECT_EQ(end_in_force(1), clock.wall() + days{100});
  EXPECT_THAT(news(), ElementsAre("listener 127.0.0.1:443: the new files are not used, the "
                                  "certificates in force stay: shop.pem: is empty",
                                  "listener 127.0.0.1:444: in force: blog.pem (shop.example; ECDSA "
                                  "P-256) until 2024-02-22T22:13:20Z"));
}

TEST_F(ControlledCertificatesTest, NothingIsPublishedWhenTheContentsAreTheSame) {
  const std::size_t published = publisher.published.size();
  renew({good(0, certificate("shop.pem", days{90}))});
  EXPECT_EQ(publisher.published.size(), published);
  EXPECT_THAT(news(), IsEmpty());
}

TEST_F(ControlledCertificatesTest, NewAuthoritiesAreReported) {
  conf::CertificateReading reading = good(0, config.listeners[0].tls->certificates[0]);
  reading.tls->client_ca = {"ca.pem", "new"};
  renew({reading});
  EXPECT_THAT(news(), ElementsAre("listener 127.0.0.1:443: in force: ca.pem"));
}

TEST_F(ControlledCertificatesTest, TheSameErrorIsReportedOnce) {
  renew({bad(0, "shop.pem: is empty")});
  EXPECT_EQ(news().size(), 1U);
  const WallTime found = clock.wall();
  clock.advance(hours{1});
  renew({bad(0, "shop.pem: is empty")});
  EXPECT_THAT(news(), IsEmpty());
  control->set_data_plane({{"127.0.0.1:443", "shop"}}, [] { return TrafficStatus{}; });
  EXPECT_EQ(status_of(0).tls->error->since, found);
  renew({bad(0, "shop.key: is empty")});
  EXPECT_THAT(news(), ElementsAre(HasSubstr("shop.key: is empty")));
  EXPECT_EQ(status_of(0).tls->error->since, clock.wall());
  renew({good(0, config.listeners[0].tls->certificates[0])});
  EXPECT_THAT(news(),
              ElementsAre("listener 127.0.0.1:443: the certificate files are in order again"));
  EXPECT_FALSE(status_of(0).tls->error);
}

TEST_F(ControlledCertificatesTest, AReloadThatSucceedsForgetsErrors) {
  control->set_data_plane({{"127.0.0.1:443", "shop"}}, [] { return TrafficStatus{}; });
  renew({bad(0, "shop.pem: is empty")});
  load_error = "another error";
  reload();
  EXPECT_TRUE(status_of(0).tls->error);
  load_error.clear();
  reload();
  EXPECT_FALSE(status_of(0).tls->error);
}

TEST_F(ControlledCertificatesTest, ThatOfTheHttpDoorIsInTheStatus) {
  EXPECT_FALSE(control->status(std::nullopt)->admin_http);
  conf::ListenerTls tls;
  tls.certificates = {certificate("admin.pem", days{30})};
  config.admin.http = conf::AdminHttp{"", {"127.0.0.1", 9443}, tls};
  start();
  const auto http = [this] { return *control->status(std::nullopt)->admin_http; };
  EXPECT_EQ(http().address, "127.0.0.1:9443");
  ASSERT_EQ(http().tls->certificates.size(), 1U);
  EXPECT_EQ(http().tls->certificates[0].file, "admin.pem");
  EXPECT_FALSE(http().tls->error);
  renew({bad(2, "admin.pem: is empty")});
  EXPECT_EQ(http().tls->error->text, "admin.pem: is empty");
}

TEST_F(ControlledCertificatesTest, NothingChangesWhileAnotherProcessDecides) {
  control->begin_standby();
  renew({good(0, certificate("shop.pem", days{100})), bad(1, "blog.pem: is empty")});
  EXPECT_THAT(news(), IsEmpty());
  control->end_standby();
  EXPECT_EQ(end_in_force(0), clock.wall() + days{90});
}

TEST_F(ControlledCertificatesTest, EachWarningComesOncePerCertificate) {
  config.listeners = {listener(443, {certificate("shop.pem", days{90})}),
                      listener(444, {certificate("shop.pem", days{90})})};
  start();
  const std::string shop = "shop.pem (shop.example; ECDSA P-256) ";
  const std::string end = "2024-02-12T22:13:20Z";
  pass(days{76});
  EXPECT_THAT(news(), IsEmpty());
  pass(minutes{1});
  EXPECT_THAT(news(), ElementsAre(shop + "expires in 13d23h, at " + end + "; renew it"));
  pass(hours{1});
  EXPECT_THAT(news(), IsEmpty());
  pass(days{7});
  EXPECT_THAT(news(), ElementsAre(HasSubstr("expires in 6d22h")));
  clock.jump_wall(-days{7});
  pass(hours{1});
  EXPECT_THAT(news(), IsEmpty()) << "the clock was set back";
  clock.jump_wall(days{7});
  pass(days{5});
  EXPECT_THAT(news(), ElementsAre(HasSubstr("expires in 1d21h"))) << "the one after 3 days";
  pass(days{5});
  EXPECT_THAT(news(), ElementsAre(shop + "expired at " + end + "; clients reject it; renew it"));
  pass(days{5});
  EXPECT_THAT(news(), IsEmpty());
}

TEST_F(ControlledCertificatesTest, ARenewedCertificateIsWarnedOfAgain) {
  config.listeners = {listener(443, {certificate("shop.pem", days{90})})};
  start();
  pass(days{80});
  EXPECT_EQ(news().size(), 1U);
  renew({good(0, certificate("shop.pem", days{90}))});
  EXPECT_THAT(news(), ElementsAre(HasSubstr("in force")));
  pass(days{20});
  EXPECT_THAT(news(), IsEmpty());
  pass(days{60});
  EXPECT_EQ(news().size(), 1U);
}

TEST_F(ControlledCertificatesTest, StatusShowsWhatIsInForce) {
  control->set_data_plane({{"127.0.0.1:443", "shop"}, {"127.0.0.1:444", "shop"}},
                          [] { return TrafficStatus{}; });
  renew({good(1, certificate("blog.pem", days{100}))});
  clock.advance(hours{12});
  ASSERT_EQ(status_of(1).tls->certificates.size(), 1U);
  const CertificateStatus one = status_of(1).tls->certificates[0];
  EXPECT_EQ(one.file, "blog.pem");
  EXPECT_THAT(one.names, ElementsAre("shop.example"));
  EXPECT_EQ(one.key_type, "ECDSA P-256");
  EXPECT_EQ(one.left, days{100} - hours{12});
  EXPECT_FALSE(status_of(1).tls->error);
}

}  // namespace
}  // namespace bonedry::admin
