#include "tests/support/browser.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace bonedry::test {
namespace {

using nlohmann::json;

constexpr std::array kChromiums{"/usr/bin/chromium-headless-shell", "/usr/bin/chromium"};
const Millis kAnswer = scaled(std::chrono::seconds{30});  // of a browser that has to start first

/// Open for reading and writing, so that neither side waits for the other to open it.
int make_pipe(const std::string& path) {
  if (::mkfifo(path.c_str(), 0600) != 0) throw std::runtime_error("mkfifo failed");
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) throw std::runtime_error(path + ": " + std::strerror(errno));
  return fd;
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw std::runtime_error("cannot write to the browser");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

std::optional<std::string> Browser::program() {
  const auto* const found =
      std::ranges::find_if(kChromiums, [](const char* path) { return ::access(path, X_OK) == 0; });
  if (found == kChromiums.end()) return std::nullopt;
  return *found;
}

Browser::Browser(const std::string& program)
    : commands_(make_pipe(dir_ / "commands")), answers_(make_pipe(dir_ / "answers")) {
  // It reads commands from descriptor 3 and writes answers to 4.
  child_ = std::make_unique<ChildProcess>(ChildProcess::Command{
      {"/bin/sh", "-c", R"(exec "$0" "$@" 3<"$COMMANDS" 4>"$ANSWERS")", program, "--headless",
       "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--hide-scrollbars",
       "--user-data-dir=" + (dir_ / "profile"), "--remote-debugging-pipe", "about:blank"},
      {"COMMANDS=" + (dir_ / "commands"), "ANSWERS=" + (dir_ / "answers")},
      dir_ / "out",
      dir_ / "err"});
}

Browser::~Browser() {
  child_.reset();
  ::close(commands_);
  ::close(answers_);
}

json Browser::call(const std::string& method, const json& parameters, const std::string& session) {
  json message{{"id", ++last_id_}, {"method", method}};
  if (!parameters.is_null()) message["params"] = parameters;
  if (!session.empty()) message["sessionId"] = session;
  write_all(commands_, message.dump() + '\0');
  const TestTime until = TestClock::now() + kAnswer;
  for (;;) {
    json answer = read_message(until);
    if (answer.contains("method")) {
      events_.push_back(std::move(answer));
    } else if (answer.value("id", 0) == last_id_) {
      if (answer.contains("error")) throw std::runtime_error(method + ": " + answer.dump());
      return answer.at("result");
    }
  }
}

std::string Browser::new_profile() {
  return call("Target.createBrowserContext").at("browserContextId").get<std::string>();
}

std::vector<json> Browser::take_events(const std::string& session) {
  std::vector<json> taken;
  std::deque<json> others;
  for (json& event : events_) {
    if (event.value("sessionId", "") == session) {
      taken.push_back(std::move(event));
    } else {
      others.push_back(std::move(event));
    }
  }
  events_ = std::move(others);
  return taken;
}

json Browser::read_message(TestTime until) {
  for (;;) {
    const std::size_t end = unread_.find('\0');
    if (end != std::string::npos) {
      json message = json::parse(unread_.substr(0, end));
      unread_.erase(0, end + 1);
      return message;
    }
    const auto left = std::chrono::ceil<Millis>(until - TestClock::now());
    pollfd entry{answers_, POLLIN, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<Millis::rep>(0, left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      throw std::runtime_error("the browser does not answer: " + read_file(dir_ / "err"));
    }
    std::array<char, 65536> bytes{};
    const ssize_t count = ::read(answers_, bytes.data(), bytes.size());
    if (count > 0) unread_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

Page::Page(Browser& browser, const std::string& profile) : browser_(browser) {
  json wanted{{"url", "about:blank"}};
  if (!profile.empty()) wanted["browserContextId"] = profile;
  const json target = browser_.call("Target.createTarget", wanted);
  const json attached = browser_.call("Target.attachToTarget",
                                      {{"targetId", target.at("targetId")}, {"flatten", true}});
  session_ = attached.at("sessionId").get<std::string>();
  for (const char* domain : {"Page", "Runtime", "Log", "Network", "Performance"}) {
    call(std::string(domain) + ".enable");
  }
}

json Page::call(const std::string& method, const json& parameters) {
  return browser_.call(method, parameters, session_);
}

void Page::open(const std::string& url) {
  call("Page.navigate", {{"url", url}});
}

json Page::value(const std::string& script) {
  const json answer = call("Runtime.evaluate", {{"expression", script},
                                                {"awaitPromise", true},
                                                {"returnByValue", true},
                                                {"userGesture", true}});
  if (answer.contains("exceptionDetails")) throw std::runtime_error(answer.dump());
  return answer.at("result").value("value", json{});
}

bool Page::becomes_true(const std::string& script, Millis deadline) {
  return eventually(
      [&] {
        try {
          return value(script) == json(true);
        } catch (const std::runtime_error&) {
          return false;  // the page is not there yet, or is being replaced
        }
      },
      deadline);
}

void Page::press(const std::string& key, int key_code) {
  for (const char* type : {"keyDown", "keyUp"}) {
    json event{{"type", type}, {"key", key}, {"code", key}, {"windowsVirtualKeyCode", key_code}};
    if (key == "Enter" && std::string_view(type) == "keyDown") event["text"] = "\r";
    call("Input.dispatchKeyEvent", event);
  }
}

void Page::resize(int width, int height) {
  call("Emulation.setDeviceMetricsOverride",
       {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", false}});
}

void Page::prefer(ColourScheme scheme) {
  const char* const word = scheme == ColourScheme::dark ? "dark" : "light";
  call("Emulation.setEmulatedMedia",
       {{"features", json::array({{{"name", "prefers-color-scheme"}, {"value", word}}})}});
}

void Page::trust_every_certificate() {
  call("Security.setIgnoreCertificateErrors", {{"ignore", true}});
}

const std::vector<std::string>& Page::complaints() {
  take_events();
  return complaints_;
}

void Page::forget_complaints() {
  take_events();
  complaints_.clear();
}

const std::vector<std::string>& Page::requests() {
  take_events();
  return requests_;
}

void Page::take_events() {
  call("Runtime.evaluate", {{"expression", "0"}});  // what came before it is here then
  for (const json& event : browser_.take_events(session_)) {
    const std::string method = event.at("method").get<std::string>();
    const json& what = event.at("params");
    if (method == "Network.requestWillBeSent") {
      requests_.push_back(what.at("request").at("url").get<std::string>());
    } else if (method == "Runtime.exceptionThrown") {
      complaints_.push_back(what.at("exceptionDetails").dump());
    } else if (method == "Log.entryAdded") {
      complaints_.push_back(what.at("entry").at("text").get<std::string>() + " " +
                            what.at("entry").value("url", ""));
    } else if (method == "Runtime.consoleAPICalled" && what.at("type") != "log") {
      complaints_.push_back(what.at("args").dump());
    }
  }
}

}  // namespace bonedry::test
