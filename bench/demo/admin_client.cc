#include "bench/demo/admin_client.h"

#include "bench/demo/stream.h"

#include <utility>

namespace bonedry::demo {
namespace {

constexpr std::string_view kErrorMark = "error: ";

AdminAnswer understand(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  if (text.starts_with(kErrorMark)) return {"", text.substr(kErrorMark.size())};
  if (text.empty()) return {"", "bonedry closed the admin connection without an answer"};
  return {std::move(text), ""};
}

}  // namespace

/// One command in progress. Owned by the client; ends itself.
class AdminClient::Call final : private StreamHandler {
 public:
  Call(AdminClient& client, const std::string& command, Done done)
      : client_(client),
        done_(std::move(done)),
        stream_(Stream::connect_unix(client.loop_, client.socket_, *this)) {
    stream_->write(command + "\n");
  }

 private:
  void stream_data(std::string_view bytes) override { text_.append(bytes); }

  void stream_ended(int error) override {
    const AdminAnswer answer =
        error == 0 ? understand(std::move(text_)) : AdminAnswer{"", uv_strerror(error)};
    const Done done = std::move(done_);
    client_.calls_.remove_if([this](const auto& call) { return call.get() == this; });
    done(answer);  // `done` touches no member: this object is gone
  }

  AdminClient& client_;
  Done done_;
  std::string text_;
  std::unique_ptr<Stream> stream_;
};

AdminClient::AdminClient(Loop& loop, std::string socket)
    : loop_(loop), socket_(std::move(socket)) {}

AdminClient::~AdminClient() = default;

void AdminClient::send(const std::string& command, Done done) {
  calls_.push_back(std::make_unique<Call>(*this, command, std::move(done)));
}

}  // namespace bonedry::demo
