#include "admin/cluster/dryness_rounds.h"

#include "admin/cluster/peer_blocks.h"

#include <algorithm>

namespace bonedry::admin::cluster {

using balancer::NodeId;

namespace {

// A round needs a few statements of each member, which come four times a second. A member that
// takes longer is asked again, with doors that were open in between.
constexpr Millis kRoundLimit{15'000};

// Between the name of the member that leads a round, which has none of it, and what makes it
// unique.
constexpr std::string_view kAuthorEnd = "/";

const Vote* vote_of(const Votes& votes, const NodeId& node) {
  const auto found = votes.find(node);
  return found == votes.end() ? nullptr : &found->second;
}

bool contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::ranges::find(texts, text) != texts.end();
}

}  // namespace

Votes DrynessRounds::answers() const {
  Votes answers = votes_;
  std::erase_if(answers,
                [](const auto& entry) { return entry.second.state == VoteState::shutting; });
  return answers;
}

Rounds DrynessRounds::led() const {
  Rounds rounds;
  for (const auto& [node, led] : led_) rounds.emplace(node, led.round);
  return rounds;
}

DrynessRounds::Changes DrynessRounds::step(const View& view, SharedStates& states) {
  if (view.leading == Leading::yes) {
    lead(view, states);
  } else if (!led_.empty() || !off_.empty()) {
    lose_lease(states);
    changes_.said = Changes::Said::other;
  }
  answer(view, states);
  return std::exchange(changes_, {});
}

// -- As a voter -----------------------------------------------------------------------------------

void DrynessRounds::answer(const View& view, const SharedStates& states) {
  NodeIds voted;
  for (const auto& [node, vote] : votes_) voted.push_back(node);
  for (const NodeId& node : voted) {
    const auto state = states.find(node);
    keep_vote(view, node, state == states.end() ? nullptr : &state->second);
  }
  for (const auto& [node, state] : states) {
    if (!votes_.contains(node)) consider(view, node, state);
  }
  refuse_unknown(view, states);
}

/// A vote for another bleed than that of today counts for nothing. One that the leader has called
/// off ends; one of a round that has come to an agreement is confirmed.
void DrynessRounds::keep_vote(const View& view, const NodeId& node, const SharedState* state) {
  Vote& vote = votes_.at(node);
  const bool same = state != nullptr && state->bleed == vote.bleed;
  if (!same || state->stage == DryStage::announced || is_off(view, vote.round)) {
    return end_vote(node);
  }
  if (vote.state == VoteState::shutting) {
    const std::optional<Round> round = open_round(view, node);
    if (!round || round->id != vote.round) end_vote(node);
    return;
  }
  const bool agreed = state->stage == DryStage::agreed && state->round == vote.round;
  if (!agreed || vote.state == VoteState::confirmed) return;
  vote.state = VoteState::confirmed;
  changes_.own = Changes::Own::votes;
  changes_.said = Changes::Said::other;
}

/// Whether there is a round to vote in.
void DrynessRounds::consider(const View& view, const NodeId& node, const SharedState& state) {
  const std::optional<Round> round = open_round(view, node);
  if (!round || state.stage != DryStage::none) return;
  if (round->bleed != state.bleed || round->version != state.version) return;
  const auto mine = round->voters.find(view.name);
  const bool asked = mine != round->voters.end() && mine->second == view.incarnation;
  if (!asked || refused_.contains(round->id)) return;
  votes_[node] = {round->id, state.bleed, VoteState::shutting};
  changes_.hold.push_back(node);
}

void DrynessRounds::note_held(const NodeId& node) {
  const auto found = votes_.find(node);
  if (found == votes_.end() || found->second.state != VoteState::shutting) return;
  changes_.said = Changes::Said::other;
  if (!parts_.blocked_by(node).empty()) {
    ++statistics_.no;
    refused_.insert(found->second.round);
    return end_vote(node);
  }
  ++statistics_.yes;
  found->second.state = VoteState::yes;
  changes_.own = Changes::Own::votes;
}

void DrynessRounds::end_vote(const NodeId& node) {
  if (votes_.at(node).state != VoteState::shutting) changes_.own = Changes::Own::votes;
  votes_.erase(node);
  changes_.release.push_back(node);
  changes_.said = Changes::Said::other;
}

/// An agreement that this member has no part in, or no longer: its yes was called off. Refusals of
/// rounds that are over are forgotten.
void DrynessRounds::refuse_unknown(const View& view, const SharedStates& states) {
  std::set<std::string> refused;
  for (const auto& [node, state] : states) {
    const Vote* const vote = vote_of(votes_, node);
    if (state.stage == DryStage::agreed && (vote == nullptr || vote->round != state.round)) {
      refused.insert(state.round);
    }
    const std::optional<Round> round = open_round(view, node);
    if (round && refused_.contains(round->id)) refused.insert(round->id);
  }
  if (refused == refused_) return;
  refused_ = std::move(refused);
  changes_.said = Changes::Said::other;
}

/// Of the member that holds the lease, which may be this one.
std::optional<Round> DrynessRounds::open_round(const View& view, const NodeId& node) const {
  if (view.leading == Leading::yes) {
    const auto led = led_.find(node);
    return led == led_.end() ? std::nullopt : std::optional(led->second.round);
  }
  const Statement* const leader = view.others.find_audible(view.leader, view.now);
  if (leader == nullptr) return std::nullopt;
  const auto found = leader->rounds.find(node);
  return found == leader->rounds.end() ? std::nullopt : std::optional(found->second);
}

bool DrynessRounds::is_off(const View& view, const std::string& round) const {
  if (view.leading == Leading::yes) return off_.contains(round);
  const Statement* const leader = view.others.find_audible(view.leader, view.now);
  return leader != nullptr && contains(leader->off, round);
}

// -- As the leader --------------------------------------------------------------------------------

/// The next leader calls open rounds off. What is agreed on is for it to announce or to call off.
void DrynessRounds::lose_lease(const SharedStates& states) {
  for (const auto& [node, led] : led_) {
    const auto state = states.find(node);
    const bool agreed = state != states.end() && state->second.stage == DryStage::agreed &&
                        state->second.round == led.round.id;
    if (!agreed) ++statistics_.of(RoundEnd::lease_lost);
  }
  led_.clear();
  off_.clear();
}

void DrynessRounds::lead(const View& view, SharedStates& states) {
  statistics_.of(RoundEnd::state_changed) +=
      std::erase_if(led_, [&states](const auto& entry) { return !states.contains(entry.first); });
  for (auto& [node, state] : states) {
    if (led_.contains(node)) {
      go_on(view, node, state);
    } else if (state.stage == DryStage::agreed) {
      take_over(view, node, state);
    } else if (state.record && state.stage == DryStage::none && is_quiet(view, node)) {
      begin(view, node, state);
    }
  }
  find_abandoned(view, states);
}

/// An agreement of the member that led before, which may have announced it without having been
/// heard since: it counts until it is certain that it has not. If all have confirmed it, this
/// member can announce it as well.
void DrynessRounds::take_over(const View& view, const NodeId& node, SharedState& state) {
  const std::vector<std::string> present = view.roster.present();
  const bool all = std::ranges::all_of(present, [&](const std::string& name) {
    const Statement* const other = view.others.find_audible(name, view.now);
    if (name != view.name && other == nullptr) return false;
    const Vote* const vote = vote_of(name == view.name ? votes_ : other->votes, node);
    return vote != nullptr && vote->round == state.round && vote->state == VoteState::confirmed;
  });
  if (all) return announce(view, node, state);
  if (has_given_up(view, node, state)) call_off(view, node, state, RoundEnd::lease_lost);
}

/// Whether the member that has agreed on a round with the others can no longer announce it, and has
/// not.
bool DrynessRounds::has_given_up(const View& view, const NodeId& node,
                                 const SharedState& state) const {
  const std::string author = state.round.substr(0, state.round.find(kAuthorEnd));
  if (author == view.name || !view.roster.is_present(author)) return true;
  const Statement* const other = view.others.find_audible(author, view.now);
  if (other == nullptr) return false;
  const auto round = other->rounds.find(node);
  if (round != other->rounds.end() && round->second.id == state.round) return false;
  const auto theirs = other->states.find(node);
  return theirs != other->states.end() && covers(theirs->second.version, state.version) &&
         theirs->second.stage != DryStage::announced;
}

void DrynessRounds::announce(const View& view, const NodeId& node, SharedState& state) {
  ++statistics_.of(RoundEnd::announced);
  state.stage = DryStage::announced;
  state.record->dry = Dry::yes;
  state.version.advance(view.name);
  changes_.states.push_back(node);
  changes_.said = Changes::Said::other;
}

/// A vote that still stands holds doors for a round that is over: its voter must first hear that.
bool DrynessRounds::is_quiet(const View& view, const NodeId& node) const {
  const bool voted =
      votes_.contains(node) || std::ranges::any_of(view.others.all(), [&](const auto& entry) {
        return view.roster.is_present(entry.first) && entry.second.statement.votes.contains(node);
      });
  return !voted && parts_.blocked_by(node).empty() && blocked_by_peers(view, node).empty();
}

void DrynessRounds::begin(const View& view, const NodeId& node, const SharedState& state) {
  Round round{view.name + std::string(kAuthorEnd) + parts_.random(),
              state.bleed,
              state.version,
              {{view.name, view.incarnation}}};
  for (const std::string& name : view.roster.present()) {
    const Statement* const other = view.others.find_audible(name, view.now);
    if (other != nullptr) round.voters[name] = other->incarnation;
  }
  led_.insert_or_assign(node, Led{std::move(round), view.now});
  changes_.said = Changes::Said::other;
}

void DrynessRounds::go_on(const View& view, const NodeId& node, SharedState& state) {
  Led& led = led_.at(node);
  const auto why = why_hopeless(view, led, state);
  if (why) return call_off(view, node, state, *why);
  const bool agreed = state.stage == DryStage::agreed;
  const VoteState wanted = agreed ? VoteState::confirmed : VoteState::yes;
  if (!all_say(view, node, led.round, wanted)) return;
  if (agreed) {
    announce(view, node, state);
    led_.erase(node);
    return;
  }
  state.stage = DryStage::agreed;
  state.round = led.round.id;
  state.version.advance(view.name);
  led.begun = view.now;
  changes_.states.push_back(node);
  changes_.said = Changes::Said::other;
}

std::optional<RoundEnd> DrynessRounds::why_hopeless(const View& view, const Led& led,
                                                    const SharedState& state) const {
  const Round& round = led.round;
  const bool agreed = state.stage == DryStage::agreed && state.round == round.id;
  const bool unchanged = state.stage == DryStage::none && state.version == round.version;
  if (state.bleed != round.bleed || (!agreed && !unchanged)) return RoundEnd::state_changed;
  if (view.roster.present().size() != round.voters.size()) return RoundEnd::members_changed;
  for (const auto& [name, incarnation] : round.voters) {
    const auto why = why_voter_fails(view, round, name, incarnation);
    if (why) return why;
  }
  if (view.now - led.begun > kRoundLimit) return RoundEnd::timed_out;
  return std::nullopt;
}

std::optional<RoundEnd> DrynessRounds::why_voter_fails(const View& view, const Round& round,
                                                       const std::string& name,
                                                       const std::string& incarnation) const {
  if (name == view.name) {
    if (refused_.contains(round.id)) return RoundEnd::refused;
    return incarnation == view.incarnation ? std::nullopt
                                           : std::optional(RoundEnd::member_restarted);
  }
  if (!view.roster.is_present(name)) return RoundEnd::members_changed;
  const Statement* const other = view.others.find_audible(name, view.now);
  if (other == nullptr) return RoundEnd::member_silent;
  if (other->incarnation != incarnation) return RoundEnd::member_restarted;
  if (contains(other->refused, round.id)) return RoundEnd::refused;
  return std::nullopt;
}

bool DrynessRounds::all_say(const View& view, const NodeId& node, const Round& round,
                            VoteState wanted) const {
  return std::ranges::all_of(round.voters, [&](const auto& voter) {
    const Statement* const other = view.others.find_audible(voter.first, view.now);
    if (voter.first != view.name && other == nullptr) return false;
    const Vote* const vote = vote_of(voter.first == view.name ? votes_ : other->votes, node);
    return vote != nullptr && vote->round == round.id && vote->state >= wanted;
  });
}

void DrynessRounds::call_off(const View& view, const NodeId& node, SharedState& state,
                             RoundEnd why) {
  ++statistics_.of(why);
  led_.erase(node);
  changes_.said = Changes::Said::other;
  if (state.stage != DryStage::agreed) return;
  state.stage = DryStage::none;
  state.round.clear();
  state.version.advance(view.name);
  changes_.states.push_back(node);
}

/// Votes for rounds that are neither open nor have led to anything.
void DrynessRounds::find_abandoned(const View& view, const SharedStates& states) {
  std::set<std::string> off;
  const auto look = [&](const Votes& votes) {
    for (const auto& [node, vote] : votes) {
      const auto led = led_.find(node);
      if (led != led_.end() && led->second.round.id == vote.round) continue;
      const auto state = states.find(node);
      const bool decided = state != states.end() && state->second.stage != DryStage::none &&
                           state->second.round == vote.round;
      if (!decided) off.insert(vote.round);
    }
  };
  look(votes_);
  for (const auto& [name, member] : view.others.all()) {
    if (view.roster.is_present(name)) look(member.statement.votes);
  }
  if (off == off_) return;
  off_ = std::move(off);
  changes_.said = Changes::Said::other;
}

}  // namespace bonedry::admin::cluster
