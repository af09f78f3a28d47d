#pragma once

#include "tests/support/checksum.h"
#include "tests/support/http2_client.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>

/// Long bodies through an Http2Client, whose bytes are known.
namespace bonedry::test {

/// Reads a pattern of this size as the rest of a response; true when it came unharmed.
[[nodiscard]] inline bool reads_pattern(Http2Client& client, StreamId id, std::uint64_t seed,
                                        std::uint64_t size) {
  Sha256 digest;
  const Response response =
      client.wait_into([&](std::string_view piece) { digest.update(piece); }, id, kDeadline * 4);
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.complete()) << response.reset;
  EXPECT_EQ(response.body_size, size);
  return digest.hex() == PatternBody::checksum(seed, size);
}

/// Sends a pattern as a part of a request's body.
inline void send_pattern(Http2Client& client, StreamId id, std::uint64_t seed, std::uint64_t size) {
  PatternBody body{seed, size};
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) {
    client.send_data(id, piece, kDeadline * 4);
  }
}

}  // namespace bonedry::test
