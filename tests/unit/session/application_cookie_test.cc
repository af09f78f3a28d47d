#include "session/application_cookie.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {
namespace {

constexpr WallTime kNow{1'700'000'000'000};  // 2023-11-14T22:13:20Z

struct DateCase {
  std::string_view text;
  std::int64_t seconds;
};

TEST(CookieDateTest, EveryFormThatIsAboutIsUnderstood) {
  const std::vector<DateCase> cases{
      {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},   // RFC 1123
      {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},  // RFC 850
      {"Sun Nov  6 08:49:37 1994", 784111777},        // asctime
      {"Sun, 06-Nov-1994 08:49:37 GMT", 784111777},   // Netscape's
      {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
      {"Thu, 01-Jan-70 00:00:01 GMT", 1},
      {"1 jan 1970 0:0:0", 0},
      {"01 JANUARY 1970 00:00:00", 0},
      {"00:00:00 1970 01 Jan", 0},          // in any order, if the parts can be told apart
      {"1 Jan 1970 00:00:10.123 GMT", 10},  // anything after the digits is ignored
      {"1st Jan 1970 00:00:00", 0},
      {"1 Jan 1970 00:00:00 PDT", 0},  // time zones are ignored
      {"29 Feb 2024 12:00:00", 1709208000},
      {"31 Dec 69 23:59:59", 3155759999},  // 2069
      {"1 Jan 0 00:00:00 1970", 0},        // one digit is not a year
      {"1 Jan 1601 00:00:00", -11644473600},
      {"31 Dec 9999 23:59:59", 253402300799},
  };
  for (const DateCase& date : cases) {
    const auto parsed = parse_cookie_date(date.text);
    ASSERT_TRUE(parsed) << date.text;
    EXPECT_EQ(parsed->ms, date.seconds * 1000) << date.text;
  }
}

TEST(CookieDateTest, WhatABrowserDoesNotUnderstandIsNoDate) {
  for (const std::string_view text : {"",
                                      "0",
                                      "-1",
                                      "now",
                                      "Thu, 01 Jan 1970",
                                      "Jan 1970 00:00:00",
                                      "01 1970 00:00:00",
                                      "01 Jan 00:00:00",
                                      "32 Jan 1970 00:00:00",
                                      "00 Jan 1970 00:00:00",
                                      "30 Feb 2024 12:00:00",
                                      "29 Feb 2023 12:00:00",
                                      "01 Jan 1600 00:00:00",
                                      "01 Jan 1970 24:00:00",
                                      "01 Jan 1970 00:60:00",
                                      "01 Jan 1970 00:00:60",
                                      "01 Jan 1970 000:00:00",
                                      "01 Jan 1970 00:00",
                                      "01 Jan 1970 00:00:",
                                      "01 Jan 1970 00:00:000",
                                      "001 Jan 01970 00:00:00",
                                      "01 Jxn 1970 00:00:00",
                                      "1970-01-01T00:00:00Z",
                                      ":::",
                                      "::",
                                      "1:",
                                      ",,,;;;"}) {
    EXPECT_FALSE(parse_cookie_date(text)) << text;
  }
}

std::string told(std::string_view field) {
  const SetCookieEffect effects =
      read_set_cookie(field, "JSESSIONID", {"shop.test", "/", kNow, kNow});
  if (effects.change == CookieChange::none) return "nothing";
  if (effects.change == CookieChange::cleared) return "cleared";
  return "given " + std::string(effects.value);
}

struct FieldCase {
  std::string_view field;
  std::string_view told;
};

TEST(SetCookieTest, ACookieIsGivenClearedOrNotSpokenOf) {
  const std::vector<FieldCase> cases{
      {"JSESSIONID=abc", "given abc"},
      {"JSESSIONID=abc; Path=/; HttpOnly", "given abc"},
      {" JSESSIONID = abc ;Path=/", "given abc"},
      {"JSESSIONID=\"abc\"; Path=/", "given abc"},
      {"JSESSIONID=a=b", "given a=b"},
      {"JSESSIONID=", "cleared"},
      {"JSESSIONID=; Path=/", "cleared"},
      {"JSESSIONID=\"\"", "cleared"},
      {"JSESSIONID=  ; Max-Age=100", "cleared"},
      {"JSESSIONID=deleted; Max-Age=0", "cleared"},
      {"JSESSIONID=deleted; max-age=-1", "cleared"},
      {"JSESSIONID=deleted; MAX-AGE = 000", "cleared"},
      {"JSESSIONID=deleted; Max-Age=-99999999999999999999999", "cleared"},
      {"JSESSIONID=abc; Max-Age=99999999999999999999999", "given abc"},
      {"JSESSIONID=abc; Max-Age=3600", "given abc"},
      {"JSESSIONID=abc; Max-Age=", "given abc"},
      {"JSESSIONID=abc; Max-Age", "given abc"},
      {"JSESSIONID=abc; Max-Age=-", "given abc"},
      {"JSESSIONID=abc; Max-Age=0x", "given abc"},
      {"JSESSIONID=abc; Max-Age=+0", "given abc"},
      {"JSESSIONID=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "cleared"},
      {"JSESSIONID=x; Expires=Tue, 14 Nov 2023 22:03:20 GMT", "cleared"},
      {"JSESSIONID=x; Expires=Tue, 14 Nov 2023 22:03:21 GMT", "given x"},
      {"JSESSIONID=x; Expires=0", "given x"},  // not a date: the attribute is ignored
      {"JSESSIONID=x; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "given x"},
      {"JSESSIONID=x; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=0", "cleared"},
      {"JSESSIONID=x; Max-Age=0; Max-Age=60", "given x"},  // the last one counts
      {"JSESSIONID=x; Max-Age=60; Max-Age=0", "cleared"},
      {"JSESSIONID=x; Max-Age=0; Max-Age=soon", "cleared"},
      {"JSESSIONID=x; My-Max-Age=0", "given x"},
      {"JSESSIONID=x; ;;= ;=0", "given x"},
      {"jsessionid=; Max-Age=0", "nothing"},  // cookie names are case-sensitive
      {"XJSESSIONID=", "nothing"},
      {"JSESSIONID2=", "nothing"},
      {"other=JSESSIONID=; Max-Age=0", "nothing"},
      {"other=1; JSESSIONID=", "nothing"},
      {"JSESSIONID", "nothing"},
      {"JSESSIONID; Max-Age=0", "nothing"},
      {"=; Max-Age=0", "nothing"},
      {"", "nothing"},
      {";", "nothing"},
  };
  for (const FieldCase& one : cases) EXPECT_EQ(told(one.field), one.told) << one.field;
}

}  // namespace
}  // namespace bonedry::session
