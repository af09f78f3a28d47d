#pragma once

#include "tests/unit/cluster/member_rig.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <string>

namespace bonedry::admin::cluster::test {

/// Three members over one board; all of them have met.
class ThreeMembers : public testing::Test {
 protected:
  ThreeMembers() {
    spdlog::set_level(spdlog::level::off);
    for (Member& member : members) member.start();
    settle();
  }

  /// `steps` times 100 ms.
  void pass(int steps) {
    for (int i = 0; i < steps; ++i) {
      clock.advance(Millis{100});
      for (Member& member : members) member.tick();
    }
  }
  void settle() { pass(40); }
  /// The states in which the members that run see the node: "bleeding bleeding dry".
  std::string states(const NodeId& node) {
    std::string text;
    for (Member& member : members) {
      if (!member.runs()) continue;
      const NodeRecord* const record = find_record(member.nodes().records(), node);
      text += text.empty() ? "" : " ";
      if (record == nullptr) {
        text += "active";
      } else {
        text += record->dry == Dry::yes ? "dry" : balancer::to_string(record->state);
      }
    }
    return text;
  }
  bool nobody_gets_in(const NodeId& node) {
    return std::ranges::none_of(members, [&node](Member& member) {
      return member.runs() && member.nodes().admits_known(node);
    });
  }

  ManualClock clock;
  SharedBoard board;
  std::array<Member, 3> members{Member{"p1", board, clock}, Member{"p2", board, clock},
                                Member{"p3", board, clock}};
  Member& p1 = members[0];
  Member& p2 = members[1];
  Member& p3 = members[2];
};

}  // namespace bonedry::admin::cluster::test
