#include "admin/ctl/watch/watch.h"

#include "admin/command_line.h"
#include "admin/ctl/interrupts.h"
#include "admin/ctl/watch/curses_terminal.h"
#include "admin/ctl/watch/watch_feed.h"
#include "admin/ctl/watch/watch_operator.h"
#include "admin/ctl/watch/watch_picture.h"
#include "admin/printable.h"
#include "proxy/base/clock.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <utility>

namespace bonedry::ctl {
namespace {

/// How often the screen is drawn without any news, for the age of old figures.
constexpr Millis kRedraw{250};
/// How long a change may take: the proxy answers when all workers have acknowledged it.
constexpr Millis kAnswerLimit = std::chrono::seconds{30};

/// The screen while it is shown.
class Watch {
 public:
  Watch(const WatchRequest& request, CursesTerminal& terminal, Interrupts& interrupts,
        WatchedStatus status)
      : request_(request),
        terminal_(terminal),
        interrupts_(interrupts),
        feed_(request.proxy, request.pool, std::move(status), clock_) {}

  ExitCode run() {
    while (true) {
      if (picture_ == Picture::old || clock_.now() - drawn_ >= kRedraw) draw();
      if (poll() == Terminal::gone) return ExitCode::hung_up;
      if (const auto code = interrupts_.take()) return *code;
      while (const auto key = terminal_.read_key()) {
        picture_ = Picture::old;
        const auto step = operator_.on_key(*key, feed_.status(), terminal_.size().rows);
        if (step.wish == WatchOperator::Wish::quit) return ExitCode::done;
        if (step.wish == WatchOperator::Wish::send) send(step.line);
      }
      read_answer();
      if (feed_.advance() == WatchFeed::News::some) picture_ = Picture::old;
    }
  }

 private:
  void draw() {
    const WatchView view{feed_.status(), operator_.state(), feed_.events(),
                         admin::printable(request_.pool), feed_.stale()};
    const auto shown = terminal_.show(watch_picture(view, terminal_.size(), terminal_.charset()));
    drawn_ = clock_.now();
    picture_ = shown == CursesTerminal::Shown::yes ? Picture::recent : Picture::old;
  }

  /// Waits until something happens.
  enum class Terminal : std::uint8_t { there, gone };
  Terminal poll() {
    // poll() ignores descriptors of -1.
    std::array<pollfd, 5> watched{{{interrupts_.fd(), POLLIN, 0},
                                   {STDIN_FILENO, POLLIN, 0},
                                   {feed_.status_fd(), POLLIN, 0},
                                   {feed_.events_fd(), POLLIN, 0},
                                   {answer_ ? answer_->fd() : -1, POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), static_cast<int>(kRedraw.count())) <= 0) {
      return Terminal::there;  // also: the size has changed
    }
    const bool gone = (watched[1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    return gone ? Terminal::gone : Terminal::there;
  }

  void send(const std::string& line) {
    auto request = AdminRequest::start(request_.proxy, line, WatchFeed::kTimeout);
    if (!request) return operator_.on_lost(request.error());
    answer_ = std::move(*request);
    sent_ = clock_.now();
  }

  void read_answer() {
    if (!answer_) return;
    switch (answer_->advance()) {
      case AdminRequest::State::receiving:
        if (clock_.now() - sent_ < kAnswerLimit) return;
        operator_.on_lost("bonedry did not answer: the change may still come");
        break;
      case AdminRequest::State::lost:
        operator_.on_lost("the connection was lost before bonedry answered: look at the node");
        break;
      case AdminRequest::State::complete:
        operator_.on_response(answer_->response());
        feed_.refresh();
        break;
    }
    answer_.reset();
    picture_ = Picture::old;
  }

  SystemClock clock_;
  const WatchRequest& request_;
  CursesTerminal& terminal_;
  Interrupts& interrupts_;
  WatchFeed feed_;
  WatchOperator operator_;
  std::optional<AdminRequest> answer_;  // to the command under way
  Instant sent_;
  enum class Picture : std::uint8_t { old, recent } picture_ = Picture::old;  // on the screen
  Instant drawn_;
};

}  // namespace

std::optional<ExitCode> watch(const WatchRequest& request) {
  const std::string pool = request.pool.empty() ? "" : " " + admin::quote_word(request.pool);
  const auto response = ask(request.proxy, "status" + pool + " json");
  if (!response) {
    std::fputs(admin::error_line(response.error()).c_str(), stderr);
    return ExitCode::unreachable;
  }
  if (is_error(*response)) {
    std::fputs(response->c_str(), stderr);
    return ExitCode::refused;
  }
  auto status = parse_watched_status(*response);
  if (!status) {
    std::fputs(admin::error_line("cannot parse the response from bonedry").c_str(), stderr);
    return ExitCode::refused;
  }
  const std::unique_ptr<CursesTerminal> terminal = CursesTerminal::open();
  if (terminal == nullptr) return std::nullopt;
  Interrupts interrupts{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  return Watch(request, *terminal, interrupts, std::move(*status)).run();
}

}  // namespace bonedry::ctl
