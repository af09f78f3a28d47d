#include "admin/dashboard/assets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <string_view>

namespace bonedry::admin::dashboard {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr std::size_t kMostBytes = 104 * 1024;  // of all files: what a slow line takes at once

const Asset* find(std::string_view path) {
  const auto all = assets();
  const auto found = std::ranges::find(all, path, &Asset::path);
  return found == all.end() ? nullptr : &*found;
}

std::string on_disk(std::string_view path) {
  const std::string name = path == "/" ? "/index.html" : std::string(path);
  std::ifstream file(DASHBOARD_DIR + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::set<std::string> matches(const std::string& text, const char* pattern) {
  std::set<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) {
    found.insert((*at)[1]);
  }
  return found;
}

TEST(DashboardTest, TheProgramHasTheBytesOfTheFiles) {
  ASSERT_NE(find("/"), nullptr);
  for (const Asset& asset : assets()) {
    EXPECT_FALSE(asset.bytes.empty()) << asset.path;
    EXPECT_EQ(asset.bytes, on_disk(asset.path)) << asset.path;
  }
}

TEST(DashboardTest, AnEtagNamesTheBytes) {
  std::set<std::string_view> etags;
  for (const Asset& asset : assets()) {
    EXPECT_THAT(std::string(asset.etag), MatchesRegex("\"[0-9a-f]{16}\"")) << asset.path;
    etags.insert(asset.etag);
  }
  EXPECT_EQ(etags.size(), assets().size());
}

TEST(DashboardTest, ContentTypes) {
  EXPECT_EQ(find("/")->content_type, "text/html; charset=utf-8");
  EXPECT_EQ(find("/dashboard.css")->content_type, "text/css; charset=utf-8");
  EXPECT_EQ(find("/dashboard.js")->content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(find("/icon.svg")->content_type, "image/svg+xml");
}

TEST(DashboardTest, ItIsSmall) {
  std::size_t bytes = 0;
  for (const Asset& asset : assets()) bytes += asset.bytes.size();
  EXPECT_LT(bytes, kMostBytes);
}

TEST(DashboardTest, WhatItLoadsIsThere) {
  for (const Asset& asset : assets()) {
    const std::string text(asset.bytes);
    for (const std::string& module : matches(text, R"(from '\./([a-z_]+\.js)')")) {
      EXPECT_NE(find("/" + module), nullptr) << asset.path << " imports " << module;
    }
  }
  for (const std::string& path :
       matches(std::string(find("/")->bytes), R"re((?:src|href)="(/[^"#]+)")re")) {
    EXPECT_NE(find(path), nullptr) << path;
  }
}

/// What the door's Content-Security-Policy forbids would be an error in the browser, or an outside
/// request.
TEST(DashboardTest, NoInlineScriptOrStyleAndNothingFromElsewhere) {
  const std::string page(find("/")->bytes);
  EXPECT_THAT(page, Not(HasSubstr(" style=")));
  EXPECT_THAT(page, Not(HasSubstr("<style")));
  EXPECT_THAT(matches(page, R"((\son[a-z]+=))"), testing::IsEmpty());
  for (const Asset& asset : assets()) {
    const std::string text(asset.bytes);
    EXPECT_THAT(text, Not(HasSubstr("innerHTML"))) << asset.path;
    EXPECT_THAT(text, Not(HasSubstr("@import"))) << asset.path;
    EXPECT_THAT(text, Not(HasSubstr("url("))) << asset.path;
    for (const std::string& address : matches(text, R"((https?://[^'"` $]+))")) {
      EXPECT_THAT(address, HasSubstr("www.w3.org/")) << asset.path;  // a namespace, not an address
    }
  }
}

}  // namespace
}  // namespace bonedry::admin::dashboard
