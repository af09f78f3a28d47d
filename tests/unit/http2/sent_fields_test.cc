#include "proxy/http2/sent_fields.h"

#include "proxy/http2/request_builder.h"
#include "tests/unit/http2/frames.h"

#include <gtest/gtest.h>

#include <string>

namespace bonedry::http2 {
namespace {

/// A received head, and the fields that are sent.
class SentFieldsTest : public testing::Test {
 protected:
  void start(const test::FieldLines& more) {
    test::FieldLines fields = test::get();
    fields.insert(fields.end(), more.begin(), more.end());
    builder_.start({}, head_);
    for (const auto& [name, value] : fields) builder_.add(name, value);
    ASSERT_TRUE(builder_.finish(End::yes, blocks_, ""));
    sent_.start(head_);
  }
  void take_all() {
    for (const http::Field& field : head_.fields) sent_.received(field);
  }
  [[nodiscard]] std::string text() const {
    std::string text;
    for (const FieldView& field : sent_.all()) {
      text += std::string(field.name) + "=" + std::string(field.value) + ";";
    }
    return text;
  }

  BlockPool blocks_;
  http::Head head_;
  RequestBuilder builder_;
  SentFields sent_;
};

TEST_F(SentFieldsTest, ReceivedFieldsButNotTheHost) {
  start({{"host", "a"}, {"x", "y"}, {"x", "z"}});
  take_all();
  EXPECT_EQ(text(), "x=y;x=z;");
}

TEST_F(SentFieldsTest, OneReceivedFieldIsLeftOut) {
  start({{"x-a", "1"}, {"x-b", "2"}, {"x-a", "3"}});
  sent_.leave_out("X-A");
  take_all();
  EXPECT_EQ(text(), "x-b=2;");
  sent_.added("X-A", "ours");
  EXPECT_EQ(text(), "x-b=2;X-A=ours;");
}

TEST_F(SentFieldsTest, AddedFieldsAreCopied) {
  start({});
  {
    const std::string gone = "a value that is too long to be kept within a std::string";
    sent_.added("X-A", gone);
    sent_.begin("Via");
    sent_.part("2.0 ");
    sent_.part(gone.substr(0, 7));
    sent_.end();
  }
  sent_.add("Max-Forwards", 18'446'744'073'709'551'615U);
  EXPECT_EQ(text(),
            "X-A=a value that is too long to be kept within a std::string;Via=2.0 a value;"
            "Max-Forwards=18446744073709551615;");
}

TEST_F(SentFieldsTest, ManyFieldsStayWhereTheyAre) {
  start({});
  std::string wanted;
  for (unsigned i = 0; i < 1'000; ++i) {
    sent_.add("N", i);
    wanted += "N=" + std::to_string(i) + ";";
  }
  EXPECT_EQ(text(), wanted);
}

TEST_F(SentFieldsTest, NothingIsLeftOfTheHeadBefore) {
  start({{"x-a", "1"}});
  sent_.leave_out("X-A");
  take_all();
  sent_.added("X-B", "a value that is too long to be kept within a std::string");
  start({{"x-a", "2"}});
  take_all();
  sent_.added("X-C", "");
  EXPECT_EQ(text(), "x-a=2;X-C=;");
}

TEST_F(SentFieldsTest, ViewsKeepTheirOrder) {
  start({{"x", "y"}});
  sent_.view(":method", "GET");
  take_all();
  sent_.view("te", "trailers");
  EXPECT_EQ(text(), ":method=GET;x=y;te=trailers;");
}

}  // namespace
}  // namespace bonedry::http2
