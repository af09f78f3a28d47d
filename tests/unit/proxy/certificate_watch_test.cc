#include "proxy/certificate_watch.h"

#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::proxy {
namespace {

namespace fs = std::filesystem;
using conf::CertificateReading;
using test::IssuedCertificate;
using testing::HasSubstr;

constexpr Millis kLong = std::chrono::seconds{20};
constexpr Millis kSettle{50};

/// A config with one listener, whose files are in a directory "now", which is a symbolic link.
class CertificateWatchTest : public testing::Test {
 protected:
  CertificateWatchTest() {
    spdlog::set_level(spdlog::level::off);
    release("first", authority_.issue());
    point("first");
    conf::ListenerTls tls;
    tls.certificates = {{files_ / "now/shop.pem", files_ / "now/shop.key", nullptr}};
    config_.listeners = {{.address = {"127.0.0.1", 443}, .pool = "shop", .tls = tls}};
  }

  void release(const std::string& name, const IssuedCertificate& issued) const {
    fs::create_directories(files_ / name);
    files_.write(name + "/shop.key", issued.key);
    files_.write(name + "/shop.pem", issued.certificate);
  }
  void point(const std::string& target) const {
    fs::create_symlink(target, files_ / "new");
    fs::rename(files_ / "new", files_ / "now");
  }

  void watch(Millis check) {
    watch_.emplace(
        loop_, clock_,
        [this] {
          ++asked_;
          if (asked_ == stop_when_asked_) loop_.stop();
          return in_effect_;
        },
        [this](const std::vector<CertificateReading>& readings) {
          readings_ = readings;
          loop_.stop();
        },
        CertificateWatchIntervals{kSettle, check});
  }
  /// The next reading; none if nothing was to be read within the time.
  std::optional<CertificateReading> next(Millis within = kLong) {
    readings_.clear();
    io::Timer give_up(loop_.timers(), [this] { loop_.stop(); });
    give_up.arm(within);
    loop_.run();
    if (readings_.empty()) return std::nullopt;
    return readings_.front();
  }
  /// Runs until the files have been looked at so many times more.
  void look(int times) {
    stop_when_asked_ = asked_ + times;
    loop_.run();
    stop_when_asked_ = 0;
  }
  static std::string chain_of(const std::optional<CertificateReading>& reading) {
    if (!reading) return "no reading";
    return reading->tls ? reading->tls->certificates[0].contents->chain : reading->tls.error();
  }

  const test::CertificateAuthority authority_;
  test::TemporaryDirectory files_;
  SystemClock clock_;
  conf::Config config_;
  const conf::Config* in_effect_ = &config_;
  int asked_ = 0;
  int stop_when_asked_ = 0;
  std::vector<CertificateReading> readings_;
  io::EventLoop loop_;
  std::optional<CertificateWatch> watch_;
};

TEST_F(CertificateWatchTest, ReadsOnceAtTheStartAndThenWhatChanges) {
  watch(kLong);
  EXPECT_TRUE(next());
  EXPECT_FALSE(next(kSettle * 4));
  const IssuedCertificate renewed = authority_.issue();
  release("first", renewed);
  EXPECT_EQ(chain_of(next()), renewed.certificate);
}

TEST_F(CertificateWatchTest, LooksAtFilesWhoseChangeNobodyTells) {
  watch(kSettle * 2);
  EXPECT_TRUE(next());
  const IssuedCertificate renewed = authority_.issue();
  release("second", renewed);
  point("second");  // in a directory that is not watched
  EXPECT_EQ(chain_of(next()), renewed.certificate);
}

TEST_F(CertificateWatchTest, WatchesTheDirectoryThatALinkPointsToSince) {
  watch(kLong);
  EXPECT_TRUE(next());
  release("second", authority_.issue());
  point("second");
  watch_->check_soon();
  EXPECT_TRUE(next());
  const IssuedCertificate renewed = authority_.issue();
  release("second", renewed);
  EXPECT_EQ(chain_of(next()), renewed.certificate);
}

TEST_F(CertificateWatchTest, ReadsFilesThatWereWrongAtEveryLook) {
  fs::remove(files_ / "now");
  watch(kSettle * 2);
  EXPECT_THAT(chain_of(next()), HasSubstr("now/shop.pem: No such file or directory"));
  EXPECT_THAT(chain_of(next()), HasSubstr("now/shop.pem: No such file or directory"));
  point("first");
  EXPECT_THAT(chain_of(next()), HasSubstr("BEGIN CERTIFICATE"));
}

TEST_F(CertificateWatchTest, RestsWhileThereIsNoConfig) {
  in_effect_ = nullptr;
  watch(kSettle * 2);
  look(3);
  EXPECT_TRUE(readings_.empty());
  in_effect_ = &config_;
  EXPECT_TRUE(next());
}

}  // namespace
}  // namespace bonedry::proxy
