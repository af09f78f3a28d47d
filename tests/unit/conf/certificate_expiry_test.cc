#include "conf/certificate_expiry.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace bonedry::conf {
namespace {

using std::chrono::days;
using std::chrono::hours;

/// The days before its end at which a certificate that is valid for so long is warned of, looking
/// at it once an hour until the day after.
std::vector<std::int64_t> warned_at(Millis lifetime) {
  const WallTime start{1'700'000'000'000};
  const WallTime end = start + lifetime;
  std::vector<std::int64_t> warnings;
  std::optional<Millis> last;
  for (WallTime now = start; now <= end + days{1}; now = now + hours{1}) {
    const std::optional<Millis> reached = reached_warning(start, end, now);
    if (reached == last) continue;
    last = reached;
    warnings.push_back(std::chrono::duration_cast<days>(*reached).count());
    EXPECT_LT(end - now, *reached);
    EXPECT_GE(end - now + hours{1}, *reached) << "not at the first look";
  }
  return warnings;
}

using Warnings = std::vector<std::int64_t>;

TEST(CertificateExpiryTest, WarnsFourteenSevenThreeAndOneDayBeforeTheEndAndAfterIt) {
  EXPECT_EQ(warned_at(days{365}), (Warnings{14, 7, 3, 1, 0}));
  EXPECT_EQ(warned_at(days{90}), (Warnings{14, 7, 3, 1, 0}));
  EXPECT_EQ(warned_at(days{47}), (Warnings{14, 7, 3, 1, 0}));
}

TEST(CertificateExpiryTest, WarnsLaterOfCertificatesThatAreValidForAShortTime) {
  EXPECT_EQ(warned_at(days{28}), (Warnings{7, 3, 1, 0}));
  EXPECT_EQ(warned_at(days{10}), (Warnings{3, 1, 0}));
  EXPECT_EQ(warned_at(days{6}), (Warnings{1, 0}));
  EXPECT_EQ(warned_at(days{1}), (Warnings{0}));
}

TEST(CertificateExpiryTest, ACertificateIsValidInItsLastMoment) {
  const WallTime start{0};
  const WallTime end = start + days{90};
  EXPECT_EQ(reached_warning(start, end, end), days{1});
  EXPECT_EQ(reached_warning(start, end, end + Millis{1}), Millis{0});
}

}  // namespace
}  // namespace bonedry::conf
