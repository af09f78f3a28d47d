#include "session/value_hash.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bonedry::session {
namespace {

const std::vector<std::string> kSecrets{"the first secret of these tests, 32+",
                                        "the second secret of these tests, 32+"};

TEST(ValueHashTest, OneValueIsOneKeyWheneverItComes) {
  ValueHash hash(kSecrets, "shop");
  const SessionKey key = hash.key(0, "3F2504E04F8911D39A0C0305E82C3301");
  (void)hash.key(0, "another");
  (void)hash.key(1, "3F2504E04F8911D39A0C0305E82C3301");
  EXPECT_EQ(hash.key(0, "3F2504E04F8911D39A0C0305E82C3301"), key);
  ValueHash another_workers(kSecrets, "shop");
  EXPECT_EQ(another_workers.key(0, "3F2504E04F8911D39A0C0305E82C3301"), key);
}

TEST(ValueHashTest, SecretPoolAndEveryByteOfTheValueMatter) {
  ValueHash shop(kSecrets, "shop");
  ValueHash blog(kSecrets, "blog");
  std::set<SessionKey> keys{shop.key(0, "value"), shop.key(1, "value"), blog.key(0, "value"),
                            blog.key(1, "value")};
  for (const std::string_view value : {"", "v", "valuf", "Value", "value ", "valuevalue"}) {
    keys.insert(shop.key(0, value));
  }
  EXPECT_EQ(keys.size(), 10U);
}

TEST(ValueHashTest, TheKeyHoldsNothingOfTheValue) {
  // A reader of the ledger file finds 16 meaningless bytes, for the shortest and the longest value.
  ValueHash hash(kSecrets, "shop");
  for (const std::string& value : {std::string("0123456789abcdef"), std::string(4000, 'a')}) {
    const SessionKey key = hash.key(0, value);
    std::string bytes(sizeof(key), '\0');
    std::memcpy(bytes.data(), &key, sizeof(key));
    for (std::size_t at = 0; at + 3 <= bytes.size(); ++at) {
      EXPECT_EQ(value.find(bytes.substr(at, 3)), std::string::npos);
    }
    EXPECT_NE(key.high, key.low);
  }
}

TEST(ValueHashTest, WithoutASecretThereIsNone) {
  EXPECT_THROW(ValueHash({}, "shop"), std::invalid_argument);
}

}  // namespace
}  // namespace bonedry::session
