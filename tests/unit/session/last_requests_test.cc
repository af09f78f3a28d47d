#include "session/last_requests.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace bonedry::session {
namespace {

constexpr SessionKey kAnn{11, 5};
constexpr SessionKey kBen{12, 6};

TEST(LastRequestsTest, TheLastOneOfEachSessionIsKept) {
  LastRequests last(4);
  EXPECT_FALSE(last.find(kAnn));
  last.note(kAnn, "192.0.2.1", "/cart");
  last.note(kBen, "2001:db8::1", "/");
  last.note(kAnn, "192.0.2.2", "/");
  EXPECT_EQ(last.find(kAnn), (LastRequest{"192.0.2.2", "/"}));
  EXPECT_EQ(last.find(kBen), (LastRequest{"2001:db8::1", "/"}));
}

TEST(LastRequestsTest, LongTextsAreCutOff) {
  LastRequests last(1);
  last.note(kAnn, std::string(100, 'a'), "/" + std::string(100, 'b'));
  EXPECT_EQ(last.find(kAnn), (LastRequest{std::string(46, 'a'), "/" + std::string(63, 'b')}));
}

TEST(LastRequestsTest, AnotherSessionInTheSamePlaceIsNotMistakenForIt) {
  LastRequests last(1);
  last.note(kAnn, "192.0.2.1", "/");
  last.note(kBen, "192.0.2.2", "/");
  EXPECT_FALSE(last.find(kAnn));
  EXPECT_TRUE(last.find(kBen));
}

TEST(LastRequestsTest, OneThatIsReadWhileItIsWrittenIsWholeOrLeftOut) {
  LastRequests last(1);
  std::vector<std::thread> workers;
  for (const char letter : {'a', 'b'}) {
    workers.emplace_back([&last, letter] {
      const std::string text(40, letter);
      for (int i = 0; i < 20'000; ++i) last.note(kAnn, text, text);
    });
  }
  for (int i = 0; i < 20'000; ++i) {
    const auto found = last.find(kAnn);
    if (found) {
      ASSERT_EQ(found->client, found->path);
    }
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_TRUE(last.find(kAnn));
}

}  // namespace
}  // namespace bonedry::session
