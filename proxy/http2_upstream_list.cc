#include "proxy/http2_upstream_list.h"

#include <algorithm>
#include <utility>

namespace bonedry::proxy {

Http2UpstreamList::~Http2UpstreamList() {
  while (!all_.empty()) all_.back()->close();
}

void Http2UpstreamList::configure(Millis max_idle, std::uint64_t generation) {
  if (max_idle < max_idle_) close_idle();
  max_idle_ = max_idle;
  if (std::exchange(generation_, generation) == generation) return;
  limit_of_node_ = kUnknown;
  for (const auto& connection : all_) connection->leave();
}

Http2UpstreamConnection& Http2UpstreamList::add(
    std::unique_ptr<Http2UpstreamConnection> connection) {
  all_.push_back(std::move(connection));
  all_.back()->place_.all = all_.size() - 1;
  limiter_.on_opened();
  return *all_.back();
}

Http2UpstreamConnection* Http2UpstreamList::find_room() const {
  return with_room_.empty() ? nullptr : with_room_.back();
}

/// A connection that is too old stays open: it may serve other requests, and shows when the node
/// closes it.
Http2UpstreamConnection* Http2UpstreamList::find_idle(balancer::Repeat repeat, Millis usable) {
  while (!idle_.empty()) {
    Http2UpstreamConnection& newest = *idle_.back();
    if (newest.is_fresh(repeat)) return newest.idle_duration() < usable ? &newest : nullptr;
    // What it has learned took it off the list; unless its node allows no streams at all.
    if (!idle_.empty() && idle_.back() == &newest) newest.close();
  }
  return nullptr;
}

void Http2UpstreamList::close_idle() {
  while (!idle_.empty()) idle_.back()->close();
}

Millis Http2UpstreamList::max_idle_time(const Http2UpstreamConnection& connection) const {
  return connection.generation() == generation_ ? max_idle_ : Millis{0};
}

void Http2UpstreamList::on_room_changed(Http2UpstreamConnection& connection) {
  const bool knows = connection.state_ == Http2UpstreamConnection::State::open;
  if (knows && connection.generation() == generation_) {
    limit_of_node_ = static_cast<unsigned>(std::max<std::size_t>(1, connection.limit_of_node()));
  }
  Http2UpstreamConnection::Place& place = connection.place_;
  const List in_use = connection.is_idle() ? List::idle : List::with_room;
  const List wanted = connection.has_room() ? in_use : List::none;
  if (place.list == wanted) return;
  if (place.list != List::none) {
    auto& from = members(place.list);
    from.back()->place_.index = place.index;
    std::swap(from[place.index], from.back());
    from.pop_back();
  }
  place.list = wanted;
  if (wanted == List::none) return;
  place.index = members(wanted).size();
  members(wanted).push_back(&connection);
}

void Http2UpstreamList::remove(Http2UpstreamConnection& connection) {
  const std::size_t index = connection.place_.all;
  std::swap(all_[index], all_.back());
  all_[index]->place_.all = index;
  loop_.retire(std::move(all_.back()));
  all_.pop_back();
  limiter_.on_closed();
}

}  // namespace bonedry::proxy
