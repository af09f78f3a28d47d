#include "tests/scenario/cluster_story.h"

#include <algorithm>
#include <utility>

namespace bonedry::test {

TestConfig ClusterStory::config(std::size_t member, std::vector<std::string> session,
                                std::vector<std::string> cluster) const {
  TestConfig config = shop(workers(), {alice_, bob_}, std::move(session));
  config.server.emplace_back(R"(secrets = ["the secret that all members of the shop share"])");
  config.sections = {"[cluster]", "name = \"p" + std::to_string(member + 1) + "\"",
                     "store = \"redis://" + ways_[member]->address() + "/0\""};
  for (std::string& line : cluster) config.sections.push_back(std::move(line));
  return config;
}

void ClusterStory::launch(std::size_t count, const std::vector<std::string>& session,
                          const std::vector<std::string>& cluster) {
  std::vector<TestConfig> configs;
  for (std::size_t i = 0; i < count; ++i) configs.push_back(config(i, session, cluster));
  launch(configs);
}

void ClusterStory::launch(const std::vector<TestConfig>& configs) {
  for (const TestConfig& config : configs) {
    members_.push_back(std::make_unique<BonedryProcess>(config));
  }
  ASSERT_TRUE(eventually([&] { return all_are_heard(configs.size()); }))
      << members_[0]->status().dump(2);
}

void ClusterStory::order(std::size_t index, const std::string& line) const {
  const std::string answer = member(index).admin(line, kDeadline * 2);
  EXPECT_FALSE(answer.starts_with("error: ")) << line << " got " << answer;
}

// -- What members say -----------------------------------------------------------------------------

std::string ClusterStory::state_of(const nlohmann::json& cluster, const std::string& name) {
  for (const auto& member : cluster.at("members")) {
    if (member.at("name") == name) return member.at("state");
  }
  return "";
}

std::int64_t ClusterStory::moved() const {
  std::int64_t moved = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    moved += node(i, alice_).moved + node(i, bob_).moved;
  }
  return moved;
}

bool ClusterStory::all_are_heard(std::size_t count) const {
  for (const auto& member : members_) {
    if (!member->running()) continue;
    const nlohmann::json cluster = cluster_of(*member);
    const auto& all = cluster.at("members");
    const auto heard = std::ranges::count_if(
        all, [](const nlohmann::json& one) { return one.at("state") != "silent"; });
    if (static_cast<std::size_t>(heard) != count || cluster.at("complete") != true) return false;
  }
  return true;
}

bool ClusterStory::all_come_to(const std::function<bool(std::size_t)>& holds,
                               Millis deadline) const {
  return eventually(
      [&] {
        for (std::size_t i = 0; i < members_.size(); ++i) {
          if (!holds(i)) return false;
        }
        return true;
      },
      deadline);
}

bool ClusterStory::all_say(const FakeNode& which, const std::string& state) const {
  return all_come_to([&](std::size_t i) { return node(i, which).state == state; });
}

bool ClusterStory::all_say_dry(const FakeNode& which) const {
  return all_come_to([&](std::size_t i) { return node(i, which).dry; }, kDeadline * 4);
}

bool ClusterStory::answers(const BonedryProcess& member) {
  try {
    return User{member.address()}.click().status == 200;
  } catch (const SocketError&) {
    return false;
  }
}

// -- Users ----------------------------------------------------------------------------------------

std::vector<User> ClusterStory::live_users(int count) const {
  std::vector<User> users;
  for (int i = 0; i < count; ++i) {
    users.emplace_back(member(static_cast<std::size_t>(i) % members_.size()).address()).click();
    users.back().click();
  }
  return users;
}

void ClusterStory::click_through(std::vector<User>& users,
                                 const std::vector<std::size_t>& members) const {
  for (std::size_t i = 0; i < users.size(); ++i) {
    const std::string home = users[i].node();
    users[i].go_to(member(members[i % members.size()]).address());
    EXPECT_EQ(users[i].click().status, 200);
    EXPECT_EQ(users[i].node(), home);
  }
}

void ClusterStory::leave(std::vector<User>& users, const std::vector<std::size_t>& members) const {
  for (std::size_t i = 0; i < users.size(); ++i) {
    users[i].go_to(member(members[i % members.size()]).address());
    EXPECT_EQ(users[i].click("/bye").status, 200);
  }
}

Visits::Visits(std::vector<User> users) : users_(std::move(users)), thread_([this] { go_on(); }) {}

std::vector<User> Visits::end() {
  end_.open();
  if (thread_.joinable()) thread_.join();
  return std::move(users_);
}

void Visits::go_on() {
  do {
    for (User& user : users_) {
      const std::string home = user.node();
      try {
        EXPECT_EQ(user.click().status, 200);
        EXPECT_EQ(user.node(), home);
      } catch (const SocketError& error) {
        ADD_FAILURE() << "a user of " << home << ": " << error.what();
      }
    }
  } while (!end_.wait(Millis{250}));
}

}  // namespace bonedry::test
