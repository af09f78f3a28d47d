// A kernel or a sandbox without splice. A separate program, because the seccomp filter applies for
// good to this process and to every process that it starts.
#include "tests/scenario/story.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>

namespace bonedry::test {
namespace {

/// From now on splice(2) fails as an unknown system call.
bool refuse_splice() {
  std::array<sock_filter, 4> rules{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_splice, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  sock_fprog program{static_cast<unsigned short>(rules.size()), rules.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

using WithoutSpliceStory = Story;

INSTANTIATE_TEST_SUITE_P(Workers, WithoutSpliceStory, worker_counts(), name_of_workers);

TEST_P(WithoutSpliceStory, LongBodiesPassThroughMemory) {
  if (!refuse_splice()) GTEST_SKIP() << "no seccomp filters here";
  constexpr std::uint64_t kSize = 4 << 20;
  FakeNode alice{"alice"};
  alice.on("/long", [](NodeExchange& exchange) {
    exchange.send(exchange.head(200, {{"Content-Length", std::to_string(kSize)}}));
    PatternBody body{1, kSize};
    for (auto piece = body.next(); !piece.empty(); piece = body.next()) exchange.send(piece);
  });
  const BonedryProcess bonedry{shop(workers(), {alice})};
  HttpClient client{bonedry.address()};
  for (int turn = 0; turn < 3; ++turn) {
    client.send(Request{.target = "/long"}.to_wire());
    Sha256 digest;
    const Response response =
        client.read_response_into([&digest](std::string_view piece) { digest.update(piece); });
    ASSERT_TRUE(response.complete());
    ASSERT_EQ(digest.hex(), PatternBody::checksum(1, kSize)) << "turn " << turn;
  }
  client.send("PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kSize) +
              "\r\n\r\n");
  PatternBody body{2, kSize};
  for (auto piece = body.next(); !piece.empty(); piece = body.next()) client.send(piece);
  const auto answer = nlohmann::json::parse(client.read_response("PUT").body);
  EXPECT_EQ(answer.at("sha256"), PatternBody::checksum(2, kSize));
}

}  // namespace
}  // namespace bonedry::test
