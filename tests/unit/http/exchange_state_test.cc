#include "proxy/exchange_state.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

namespace bonedry::proxy {
namespace {

/// All permitted transitions between these states.
template <class State>
std::set<std::pair<State, State>> steps(const std::vector<State>& states) {
  std::set<std::pair<State, State>> allowed;
  for (const State from : states) {
    for (const State to : states) {
      if (may_follow(from, to)) allowed.emplace(from, to);
    }
  }
  return allowed;
}

TEST(ExchangeStateTest, ARequestTakesTheStepsOfTheDiagram) {
  using enum RequestState;
  const std::set<std::pair<RequestState, RequestState>> diagram{
      {body, done},      {body, dropped}, {done, tunnel},   {tunnel, ending},
      {tunnel, dropped}, {ending, done},  {ending, dropped}};
  EXPECT_EQ(steps<RequestState>({body, done, tunnel, ending, dropped}), diagram);
}

TEST(ExchangeStateTest, AResponseTakesTheStepsOfTheDiagram) {
  using enum ResponseState;
  const std::set<std::pair<ResponseState, ResponseState>> diagram{
      {waiting, body},    {waiting, tunnel}, {waiting, local}, {waiting, done},  {body, flushing},
      {tunnel, flushing}, {tunnel, done},    {body, done},     {flushing, done}, {local, done}};
  EXPECT_EQ(steps<ResponseState>({waiting, body, tunnel, flushing, local, done}), diagram);
}

TEST(ExchangeStateTest, AnAttemptTakesTheStepsOfTheDiagram) {
  using enum AttemptState;
  const std::set<std::pair<AttemptState, AttemptState>> diagram{
      {none, asking},   {asking, none},     {none, held},       {held, none},
      {none, queued},   {none, connecting}, {none, sent},       {queued, none},
      {pausing, none},  {connecting, sent}, {connecting, none}, {connecting, pausing},
      {sent, answered}, {sent, none}};
  EXPECT_EQ(steps<AttemptState>({none, asking, held, queued, pausing, connecting, sent, answered}),
            diagram);
}

TEST(ExchangeStateTest, NothingLeavesAnEnd) {
  for (const auto to : {ResponseState::waiting, ResponseState::body, ResponseState::flushing,
                        ResponseState::local, ResponseState::done}) {
    EXPECT_FALSE(may_follow(ResponseState::done, to));
  }
}

}  // namespace
}  // namespace bonedry::proxy
