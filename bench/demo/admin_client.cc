#include "bench/demo/admin_client.h"

#include "bench/demo/stream.h"

#include <utility>

namespace bonedry::demo {
namespace {

constexpr std::string_view kErrorPrefix = "error: ";

AdminResponse parse_response(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  if (text.starts_with(kErrorPrefix)) return {"", text.substr(kErrorPrefix.size())};
  if (text.empty()) return {"", "bonedry closed the admin connection without a response"};
  return {std::move(text), ""};
}

}  // namespace

/// One command in progress. Owned by the client; removes itself when it is complete.
class AdminClient::Call final : private StreamHandler {
 public:
  Call(AdminClient& client, const std::string& command, Callback callback)
      : client_(client),
        callback_(std::move(callback)),
        stream_(Stream::connect_unix(client.loop_, client.socket_, *this)) {
    stream_->write(command + "\n");
  }

 private:
  void stream_data(std::string_view bytes) override { text_.append(bytes); }

  void stream_ended(int error) override {
    const AdminResponse response =
        error == 0 ? parse_response(std::move(text_)) : AdminResponse{"", uv_strerror(error)};
    const Callback callback = std::move(callback_);
    client_.calls_.remove_if([this](const auto& call) { return call.get() == this; });
    callback(response);  // uses no member: this object was destroyed by the line above
  }

  AdminClient& client_;
  Callback callback_;
  std::string text_;
  std::unique_ptr<Stream> stream_;
};

AdminClient::AdminClient(Loop& loop, std::string socket)
    : loop_(loop), socket_(std::move(socket)) {}

AdminClient::~AdminClient() = default;

void AdminClient::send(const std::string& command, Callback callback) {
  calls_.push_back(std::make_unique<Call>(*this, command, std::move(callback)));
}

}  // namespace bonedry::demo
