#include "admin/ctl/roll/roll_hold.h"

#include "admin/ctl/restart.h"
#include "admin/ctl/roll/roll_plan.h"

#include <poll.h>

#include <utility>

namespace bonedry::ctl {
Result<std::vector<admin::RolledNode>, RollHold::Refusal> RollHold::begin() {
  connect();
  while (!nodes_ && !lost_) {
    pollfd watched{fd(), POLLIN, 0};
    ::poll(&watched, 1, static_cast<int>(kRetryInterval.count()));
    run();
  }
  if (lost_) return Failure<Refusal>{*lost_};
  return *nodes_;
}

void RollHold::run() {
  if (lost_) return;
  if (!connection_) return connect();
  const AdminRequest::State state = connection_->advance();
  const std::string lines = connection_->take_lines();
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = lines.find('\n', begin) + 1;
    const std::string line = lines.substr(begin, end - begin);
    begin = end;
    if (is_retryable(line)) continue;  // the end of the connection follows
    if (is_error(line)) {
      lost_ = Refusal{line.substr(7, line.size() - 8), Refusal::Cause::refused};
      return connection_.reset();
    }
    nodes_ = parse_roll(line);
    if (!nodes_) lost_ = Refusal{"cannot parse the response from bonedry", Refusal::Cause::refused};
    disconnected_since_.reset();
  }
  if (state != AdminRequest::State::receiving)
    on_disconnected("the connection to bonedry was lost");
}

void RollHold::connect() {
  const Instant now = clock_.now();
  if (now < next_attempt_) return;
  next_attempt_ = now + kRetryInterval;
  auto connection = AdminRequest::start(proxy_, line_ + (nodes_ ? " --resume" : ""));
  if (connection) {
    connection_ = std::move(*connection);
  } else if (nodes_) {
    on_disconnected(connection.error());
  } else {
    lost_ = Refusal{connection.error(), Refusal::Cause::unreachable};
  }
}

void RollHold::on_disconnected(std::string why) {
  connection_.reset();
  const Instant now = clock_.now();
  if (!disconnected_since_) disconnected_since_ = now;
  if (now - *disconnected_since_ < kRestartTimeLimit) return;
  lost_ = Refusal{std::move(why), Refusal::Cause::unreachable};
}

}  // namespace bonedry::ctl
