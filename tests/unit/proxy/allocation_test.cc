// Once everything is warm, an exchange allocates no memory.
#include "proxy/worker.h"
#include "session/mapped_ledger.h"
#include "tests/support/fake_node.h"
#include "tests/support/user.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <future>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

/// Allocations of threads that set `counted`.
std::atomic<std::uint64_t> allocations{0};
thread_local bool counted = false;

void* allocate(std::size_t size) {
  if (counted) allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Not inlined: otherwise GCC sees that memory from `new` goes to `free`, and warns.
[[gnu::noinline]] void* operator new(std::size_t size) {
  return allocate(size);
}
[[gnu::noinline]] void* operator new[](std::size_t size) {
  return allocate(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace bonedry::proxy {
namespace {

constexpr const char* kAddress = "127.0.0.1";

/// One worker in this process, in front of one scripted node.
class AllocationTest : public testing::Test {
 protected:
  explicit AllocationTest(const conf::Session& session = {}) : session_(session) {
    auto socket = io::bind_to(*io::make_address(kAddress, 0));
    EXPECT_TRUE(io::start_listening(*socket));
    address_ = std::string(kAddress) + ":" + std::to_string(io::bound_port(*socket));
    std::vector<Worker::ListenSocket> listens;
    listens.push_back({std::move(*socket), 0, "shop"});
    worker_ =
        std::make_unique<Worker>(SharedParts{ledger_, clock_, access_log_, secrets_, clients_, 100},
                                 std::move(listens), topology(), Worker::Id{0, 1});
  }

  std::shared_ptr<const balancer::Topology> topology() {
    const std::string name = alice_.name();
    const session::NodeSlot slot = ledger_.slot_of("shop/" + name);
    ledger_.set_times(slot, {Millis{60000}, Millis{60000}, Millis{600000}});
    balancer::NodeView view;
    view.node = std::make_shared<balancer::Node>("shop", name, ledger_.counts(slot));
    view.slot = slot;
    const std::size_t colon = alice_.address().rfind(':');
    view.address.host = alice_.address().substr(0, colon);
    view.address.port = static_cast<std::uint16_t>(std::stoul(alice_.address().substr(colon + 1)));
    balancer::PoolView pool;
    pool.config.name = "shop";
    pool.config.session = session_;
    pool.nodes.push_back(view);
    auto all = std::make_shared<balancer::Topology>();
    all->listeners.emplace_back();
    all->pools.push_back(pool);
    published_ = all;
    return all;
  }

  /// Starts or stops counting on the worker's thread.
  void count(bool whether) {
    std::promise<void> done;
    worker_->publish(published_, [whether, &done] {
      counted = whether;
      done.set_value();
    });
    done.get_future().wait();
  }

  std::uint64_t allocations_of(int exchanges, test::User& user, const test::Request& request) {
    count(true);
    const std::uint64_t before = allocations;
    for (int i = 0; i < exchanges; ++i) EXPECT_EQ(user.send(request).status, 200);
    const std::uint64_t after = allocations;
    count(false);
    return after - before;
  }

  conf::Session session_;
  test::FakeNode alice_{"alice"};
  SystemClock clock_;
  session::MappedLedger ledger_{1000, clock_.now()};
  AccessLog access_log_{{.access = "/dev/null"}};  // written, as by default
  ConnectionLimiter clients_;
  std::vector<std::string> secrets_{"a secret of at least thirty-two characters"};
  std::shared_ptr<const balancer::Topology> published_;
  std::string address_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(AllocationTest, AnExchangeOfAKnownUserAllocatesNothing) {
  test::User user{address_};
  const test::Request page{.target = "/page", .headers = {{"User-Agent", "test"}}};
  for (int i = 0; i < 50; ++i) ASSERT_EQ(user.send(page).status, 200);
  // Publishing itself allocates, and its last steps may run after the promise is fulfilled.
  EXPECT_LE(allocations_of(0, user, page), 4U) << "what counting costs";
  EXPECT_LE(allocations_of(500, user, page), 4U);
}

conf::Session learned() {
  conf::Session session;
  session.sticky = conf::Sticky::learn;
  session.cookie = "JSESSIONID";
  session.logout = {{"POST", "/logout"}};
  session.logout_header = "X-Logged-Out";
  return session;
}

class LearnedAllocationTest : public AllocationTest {
 protected:
  LearnedAllocationTest() : AllocationTest(learned()) {
    // Every response sets the same value again, as some applications do.
    alice_.on("/page", [](test::NodeExchange& exchange) {
      exchange.respond(200, "",
                       {{"Set-Cookie", "JSESSIONID=3F2504E04F89; Path=/; HttpOnly"},
                        {"X-Powered-By", "patience"}});
    });
  }
};

TEST_F(LearnedAllocationTest, NeitherDoesThatOfAUserWhoseValueIsKnown) {
  test::User user{address_};
  const test::Request page{.target = "/page", .headers = {{"User-Agent", "test"}}};
  for (int i = 0; i < 50; ++i) ASSERT_EQ(user.send(page).status, 200);
  EXPECT_EQ(ledger_.totals().sessions, 1U);
  EXPECT_LE(allocations_of(500, user, page), 4U);
}

TEST_F(AllocationTest, LongBodiesAllocateNothingEither) {
  alice_.on("/long",
            [](test::NodeExchange& exchange) { exchange.respond(200, std::string(200000, 'x')); });
  test::User user{address_};
  const test::Request page{.target = "/long"};
  for (int i = 0; i < 50; ++i) ASSERT_EQ(user.send(page).status, 200);
  EXPECT_LE(allocations_of(200, user, page), 20U) << "a pipe now and then, not one for each";
}

TEST_F(AllocationTest, TheCountIsReal) {
  test::User user{address_};
  ASSERT_EQ(user.send({.target = "/"}).status, 200);
  count(true);
  const std::uint64_t before = allocations;
  for (int i = 0; i < 20; ++i) {
    test::User stranger{address_};
    ASSERT_EQ(stranger.send({.target = "/"}).status, 200);
  }
  EXPECT_GE(allocations - before, 20U) << "a new connection allocates";
  count(false);
}

}  // namespace
}  // namespace bonedry::proxy
