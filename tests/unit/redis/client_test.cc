// The client against a server that does what no sound one would.
#include "proxy/redis/client.h"

#include "tests/unit/redis/fake_store.h"
#include "tests/unit/redis/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

namespace bonedry::redis {
namespace {

using bonedry::test::ListeningPort;
using bonedry::test::SilentPort;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

TEST(RedisClientTest, NobodyIsThere) {
  const ListeningPort port;
  Rig rig("redis://" + port.address());
  EXPECT_EQ(rig.next_loss(), "the store at " + port.address() + ": Connection refused");
}

TEST(RedisClientTest, NobodyIsThereOnAUnixSocket) {
  Rig rig("unix:///nonexistent/bonedry.sock");
  EXPECT_EQ(rig.next_loss(), "the store at /nonexistent/bonedry.sock: No such file or directory");
  EXPECT_EQ(rig.client().address(), "/nonexistent/bonedry.sock");
}

TEST(RedisClientTest, AReasonIsToldOnce) {
  FakeStore store([&store](FakeConnection& connection) {
    if (store.connections() == 2) connection.receive();  // else its end is a reset
    if (store.connections() == 3) connection.send("-LOADING wait\r\n");
    connection.close();
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until([&] { return rig.losses.size() == 2; }));
  EXPECT_EQ(store.connections(), 3);
  EXPECT_THAT(rig.losses, ElementsAre(HasSubstr("closed"), HasSubstr("loading")));
}

TEST(RedisClientTest, NoConnectionInTime) {
  const SilentPort port;
  Rig rig("redis://" + port.address());
  ASSERT_TRUE(rig.turn_until([&] { return !rig.client().address().empty(); }));
  rig.pass(Millis{1900});
  EXPECT_THAT(rig.losses, IsEmpty());
  rig.pass(Millis{200});
  EXPECT_THAT(rig.losses, ElementsAre(EndsWith(": no connection within 2 s")));
}

TEST(RedisClientTest, NoAnswerInTime) {
  FakeStore store([](FakeConnection& connection) { connection.fall_silent(); });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until([&] { return store.connections() == 1; }));
  rig.pass(Millis{2100});
  EXPECT_THAT(rig.losses, ElementsAre(EndsWith(": no answer within 2 s")));
}

TEST(RedisClientTest, AnotherProgramIsThere) {
  FakeStore http(
      [](FakeConnection& connection) { connection.send("HTTP/1.1 400 Bad Request\r\n\r\n"); });
  EXPECT_THAT(Rig(http.url()).next_loss(), HasSubstr("an HTTP server is there"));
  FakeStore mail([](FakeConnection& connection) { connection.send("220 mail ESMTP\r\n"); });
  EXPECT_THAT(Rig(mail.url()).next_loss(), HasSubstr("another program is there"));
  FakeStore closing([](FakeConnection& connection) { connection.close(); });
  EXPECT_THAT(Rig(closing.url()).next_loss(),
              HasSubstr("is it a Redis or Valkey server without TLS?"));
}

TEST(RedisClientTest, ARefusalIsReadThoughTheServerDoesNotListen) {
  FakeStore store([](FakeConnection& connection) {
    connection.send("-ERR max number of clients reached\r\n");
    connection.close();
  });
  EXPECT_THAT(Rig(store.url()).next_loss(), HasSubstr("maxclients"));
}

TEST(RedisClientTest, RepliesMayComeInPieces) {
  FakeStore store([](FakeConnection& connection) {
    connection.receive();
    connection.receive();
    connection.send_slowly(FakeConnection::text(sound_info()) + "+PONG\r\n");
    for (;;) {
      connection.receive();
      connection.send_slowly(
          "*2\r\n$4\r\na\r\nb"
          "\r\n:12\r\n");
    }
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_EQ(rig.client().run_id(), "abc");
  EXPECT_EQ(rig.client().address(), store.address());
  EXPECT_EQ(rig.run({"X"}), "(array) 2");
}

TEST(RedisClientTest, HalfAReplyIsLost) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.receive();
    connection.send("$10\r\nabc");
    connection.close();
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_THAT(rig.run({"GET", "x"}),
              AllOf(StartsWith("lost: the store at "), EndsWith(": it closed the connection")));
}

TEST(RedisClientTest, ASlowReplyIsLost) {
  std::atomic<bool> begun = false;
  FakeStore store([&begun](FakeConnection& connection) {
    connection.answer_greeting();
    connection.receive();
    connection.send("$10\r\nabc");
    begun = true;
    connection.fall_silent();
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until_connected());
  std::string told;
  rig.client().send({"GET", "x"}, [&](const auto& reply) { told = Rig::as_line(reply); });
  ASSERT_TRUE(rig.turn_until([&] { return begun.load(); }));
  rig.pass(Millis{2100});
  EXPECT_THAT(told, EndsWith(": no answer within 2 s"));
}

TEST(RedisClientTest, RepliesBelongToTheirCommands) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    for (;;) connection.send(FakeConnection::text(connection.receive().back()));
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until_connected());
  rig.stop_time();
  std::vector<std::string> replies;
  for (int at = 0; at < 1000; ++at) {
    rig.client().send({"ECHO", std::to_string(at)},
                      [&](const Result<Reply>& reply) { replies.push_back(Rig::as_line(reply)); });
  }
  ASSERT_TRUE(rig.turn_until([&] { return replies.size() == 1000; }));
  for (int at = 0; at < 1000; ++at)
    EXPECT_EQ(replies[static_cast<std::size_t>(at)], std::to_string(at));
}

TEST(RedisClientTest, WhatWaitsIsToldOfTheLossInOrderAndBeforeTheHandler) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.receive();
    connection.send("+first\r\n");
    connection.receive();
    connection.close();
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until_connected());
  std::vector<std::string> told;
  rig.when_lost = [&told] { told.emplace_back("handler"); };
  for (int at = 1; at <= 3; ++at) {
    rig.client().send({"X"}, [&, at](const Result<Reply>& reply) {
      told.push_back(std::to_string(at) + (reply ? " reply" : " lost"));
      if (at != 2) return;
      EXPECT_FALSE(rig.client().connected());
      rig.client().send({"Y"}, [&](const Result<Reply>& again) {
        told.push_back("again " + Rig::as_line(again));
      });
    });
  }
  ASSERT_TRUE(rig.turn_until([&] { return told.size() == 5; }));
  EXPECT_THAT(told, ElementsAre("1 reply", "2 lost", "3 lost", "handler",
                                "again lost: the store is not connected"));
}

TEST(RedisClientTest, WhileItIsLostCommandsAreRefused) {
  const ListeningPort port;
  Rig rig("redis://" + port.address());
  EXPECT_EQ(rig.run({"GET", "x"}), "lost: the store is not connected");
}

TEST(RedisClientTest, TooMuchIsRefusedNotKept) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.fall_silent();
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until_connected());
  std::vector<std::string> told;
  const std::string megabyte(1024UL * 1024, 'x');
  for (int at = 0; at < 20; ++at) {
    rig.client().send({"SET", "x", megabyte},
                      [&](const Result<Reply>& reply) { told.push_back(Rig::as_line(reply)); });
  }
  ASSERT_TRUE(rig.turn_until([&] { return told.size() == 5; }));
  EXPECT_THAT(told, Each("lost: too much waits for the store"));
  rig.pass(Millis{2100});
  ASSERT_THAT(told, SizeIs(20));
  EXPECT_THAT(told.back(), EndsWith("no answer within 2 s"));
}

TEST(RedisClientTest, ATooLargeReplyIsNotKept) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.receive();
    connection.send("$1000000000\r\n");
    for (;;) connection.send(std::string(1024UL * 1024, 'x'));
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until_connected());
  rig.stop_time();
  EXPECT_THAT(rig.run({"GET", "x"}), EndsWith("its reply is larger than 64 MiB"));
}

TEST(RedisClientTest, AReplyTooManyEndsTheConnection) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.send("+more\r\n");
    connection.fall_silent();
  });
  Rig rig(store.url());
  EXPECT_THAT(rig.next_loss(), EndsWith("it sent a reply that nobody has asked for"));
}

TEST(RedisClientTest, GarbageAfterRepliesEndsTheConnection) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.receive();
    connection.send("+OK\r\nHTTP/1.1\r\n");
    connection.fall_silent();
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_EQ(rig.run({"X"}), "OK");
  EXPECT_THAT(rig.losses, ElementsAre(EndsWith("it sent something that is no reply")));
}

TEST(RedisClientTest, AnErrorOfOneCommandIsItsReply) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.receive();
    connection.send("-WRONGTYPE no list\r\n");
    connection.fall_silent();
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_EQ(rig.run({"X"}), "error: WRONGTYPE no list");
  EXPECT_TRUE(rig.client().connected());
}

TEST(RedisClientTest, AnErrorOfTheStoreIsALoss) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.receive();
    connection.send("-READONLY You can't write against a read only replica.\r\n");
    connection.fall_silent();
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_THAT(rig.run({"X"}), StartsWith("lost: "));
  EXPECT_THAT(rig.losses, ElementsAre(EndsWith("it has become a replica, which cannot be written "
                                               "to")));
}

TEST(RedisClientTest, WhatTheServerIsIsLookedAtAgain) {
  std::atomic<int> looks = 0;
  FakeStore store([&looks](FakeConnection& connection) {
    connection.answer_greeting();
    EXPECT_EQ(connection.receive(), Words{"INFO"});
    ++looks;
    connection.send(FakeConnection::text(sound_info()));
    EXPECT_EQ(connection.receive(), Words{"INFO"});
    ++looks;
    connection.send(FakeConnection::text(
        sound_info("role:master", "role:slave\r\nmaster_host:10.0.0.6\r\nmaster_port:6379")));
    connection.fall_silent();
  });
  Rig rig(store.url(), kManyChecks);
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_THAT(rig.next_loss(), HasSubstr("a replica of 10.0.0.6 port 6379"));
  EXPECT_EQ(looks, 2);
}

TEST(RedisClientTest, ComesBackByItself) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.receive();
    connection.close();
  });
  Rig rig(store.url());
  ASSERT_TRUE(rig.turn_until_connected());
  EXPECT_THAT(rig.run({"X"}), StartsWith("lost: "));
  ASSERT_TRUE(rig.turn_until([&] { return rig.connects == 2; }));
  EXPECT_THAT(rig.losses, SizeIs(1));
}

TEST(RedisClientTest, CanBeDestroyedAtAnyTime) {
  FakeStore store([](FakeConnection& connection) {
    connection.answer_greeting();
    connection.fall_silent();
  });
  int told = 0;
  {
    Rig rig(store.url());
    ASSERT_TRUE(rig.turn_until_connected());
    for (int at = 0; at < 3; ++at) rig.client().send({"X"}, [&](const auto&) { ++told; });
    rig.drop_client();
    uv_run(rig.loop.raw(), UV_RUN_NOWAIT);
  }
  { Rig unborn(store.url()); }
  EXPECT_EQ(told, 0) << "what is unanswered is dropped";
}

}  // namespace
}  // namespace bonedry::redis
