#include "session/cookie_header.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {
namespace {

struct Case {
  const char* story;
  std::string_view field;
  std::string_view value;
  std::string_view rest;  ///< the field without the pair
};

std::string rest_of(const CookieInField& found) {
  return std::string(found.before) + std::string(found.after);
}

TEST(CookieHeaderTest, TheCookieIsFoundWhereverItIsAndTheRestIsTheFieldWithoutIt) {
  const std::vector<Case> cases{
      {"alone", "bonedry=v", "v", ""},
      {"first", "bonedry=v; a=1", "v", "a=1"},
      {"last", "a=1; bonedry=v", "v", "a=1"},
      {"in the middle", "a=1; bonedry=v; b=2", "v", "a=1; b=2"},
      {"without blanks", "a=1;bonedry=v;b=2", "v", "a=1;b=2"},
      {"many blanks", "a=1;   bonedry=v  ;  b=2", "v", "a=1;   b=2"},
      {"tabs", "a=1;\tbonedry=v\t;\tb=2", "v", "a=1;\tb=2"},
      {"blanks at the ends", "  bonedry=v  ", "v", ""},
      {"a separator too many in front", "; bonedry=v; a=1", "v", "; a=1"},
      {"a separator too many behind", "a=1; bonedry=v;", "v", "a=1"},
      {"separators only behind", "a=1; bonedry=v; ; ;", "v", "a=1"},
      {"empty pairs around it", "a=1;;bonedry=v;;b=2", "v", "a=1;;b=2"},
      {"quoted", "a=1; bonedry=\"v\"; b=2", "v", "a=1; b=2"},
      {"empty", "a=1; bonedry=; b=2", "", "a=1; b=2"},
      {"empty and quoted", "bonedry=\"\"", "", ""},
      {"one quote alone is part of the value", "bonedry=\"", "\"", ""},
      {"a quote at one end is part of the value", "bonedry=\"v", "\"v", ""},
      {"an equals sign in the value", "bonedry=a=b==; c=3", "a=b==", "c=3"},
      {"its name is another's value", "a=bonedry; bonedry=v", "v", "a=bonedry"},
      {"its name ends another's", "xbonedry=1; bonedry=v", "v", "xbonedry=1"},
      {"its name begins another's", "bonedry2=1; bonedry=v", "v", "bonedry2=1"},
      {"its pair is inside another's value", "a=bonedry=1; bonedry=v", "v", "a=bonedry=1"},
      {"twice: the first", "bonedry=v; bonedry=w", "v", "bonedry=w"},
      {"without a value first", "bonedry; bonedry=v", "v", "bonedry"},
  };
  for (const Case& one : cases) {
    const auto found = find_cookie(one.field, "bonedry");
    ASSERT_TRUE(found) << one.story;
    EXPECT_EQ(found->value, one.value) << one.story;
    EXPECT_EQ(rest_of(*found), one.rest) << one.story;
  }
}

TEST(CookieHeaderTest, WhatOnlyResemblesItIsNotFound) {
  for (const std::string_view field :
       {"", " ", ";", ";;;", "a=1", "bonedry", "bonedry;", "xbonedry=v", "bonedryx=v", "bonedr=v",
        "Bonedry=v", "BONEDRY=v", "a=bonedry=v", "=bonedry=v", "$bonedry=v", "bonedry/=v"}) {
    EXPECT_FALSE(find_cookie(field, "bonedry")) << field;
  }
}

TEST(CookieHeaderTest, EveryCookieOfTheNameIsFoundInTheRest) {
  std::string_view rest = "bonedry=a; x=1; bonedry=b; bonedry=c; y=2";
  std::vector<std::string_view> values;
  while (const auto found = find_cookie(rest, "bonedry")) {
    values.push_back(found->value);
    rest = found->after;
  }
  EXPECT_EQ(values, (std::vector<std::string_view>{"a", "b", "c"}));
}

TEST(CookieHeaderTest, AnythingCutOutLeavesAFieldWithoutIt) {
  // Every combination of up to three of these pairs, joined in every way.
  const std::vector<std::string> pairs{"a=1", "bonedry=v", "xbonedry=w", "", "bonedry"};
  for (const std::string& one : pairs) {
    for (const std::string& two : pairs) {
      for (const std::string& three : pairs) {
        for (const char* glue : {";", "; ", " ; "}) {
          std::string field = one + glue;
          field += two;
          field += glue;
          field += three;
          int left = (one == "bonedry=v" ? 1 : 0) + (two == "bonedry=v" ? 1 : 0) +
                     (three == "bonedry=v" ? 1 : 0);
          while (const auto found = find_cookie(field, "bonedry")) {
            const std::string next = rest_of(*found);
            ASSERT_LT(next.size(), field.size());
            EXPECT_EQ(found->value, "v");
            field = next;
            --left;
          }
          EXPECT_EQ(left, 0) << field;
          EXPECT_EQ(field.find("xbonedry=w") != std::string::npos,
                    one == "xbonedry=w" || two == "xbonedry=w" || three == "xbonedry=w");
        }
      }
    }
  }
}

}  // namespace
}  // namespace bonedry::session
