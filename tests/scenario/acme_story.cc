// A certificate by ACME, in practice: certbot gets one from pebble (Let's Encrypt's server for
// tests), whose challenge bonedry answers, and installs it by a reload.
#include "tests/scenario/story.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tls.h"

#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::HasSubstr;

bool is_installed(const std::string& program) {
  return ::access(program.c_str(), X_OK) == 0;
}

class AcmeStory : public ShopStory {
 protected:
  AcmeStory() {
    const IssuedCertificate first = ca_.issue();
    files_.write("shop.pem", first.certificate);
    files_.write("shop.key", first.key);
    const IssuedCertificate pebble = ca_.issue({.names = {"127.0.0.1"}});
    files_.write("pebble.pem", pebble.certificate);
    files_.write("pebble.key", pebble.key);
    files_.write("ca.pem", ca_.certificate());
  }

  void launch_shop() {
    TestConfig shop = config();
    shop.pools[0].listener = {
        "tls = { certificates = [{ certificate = \"" + (files_ / "shop.pem") + "\", key = \"" +
            (files_ / "shop.key") + "\" }] }",
        "[[listener]]", "address = \"127.0.0.1:0\"", "redirect = \"https\"",
        "acme_challenges = \"" + (files_ / "www/.well-known/acme-challenge") + "\""};
    launch(shop);
  }

  /// Pebble, which asks our plain listener for the response, and a DNS server for it that has only
  /// 127.0.0.1.
  void start_ca() {
    const std::string door = bonedry_->status().at("listeners").at(1).at("address");
    const nlohmann::json settings{{"listenAddress", acme_.address()},
                                  {"managementListenAddress", pebble_management_.address()},
                                  {"certificate", files_ / "pebble.pem"},
                                  {"privateKey", files_ / "pebble.key"},
                                  {"httpPort", std::stoi(door.substr(door.rfind(':') + 1))},
                                  {"tlsPort", 9},
                                  {"ocspResponderURL", ""},
                                  {"externalAccountBindingRequired", false}};
    files_.write("pebble.json", nlohmann::json{{"pebble", settings}}.dump());
    names_.emplace(ChildProcess::Command{{"/usr/bin/pebble-challtestsrv", "-defaultIPv4",
                                          "127.0.0.1", "-defaultIPv6", "", "-dns01", dns_.address(),
                                          "-http01", "", "-https01", "", "-tlsalpn01", "",
                                          "-management", names_management_.address()}});
    pebble_.emplace(ChildProcess::Command{
        {"/usr/bin/pebble", "-config", files_ / "pebble.json", "-dnsserver", dns_.address()},
        {"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"},
        files_ / "pebble.out",
        files_ / "pebble.err"});
    for (const std::string& address : {acme_.address(), dns_.address()}) {
      EXPECT_TRUE(eventually([&] { return is_listening(address); }, kDeadline * 3))
          << address << read_file(files_ / "pebble.err");  // it makes RSA keys first
    }
  }
  [[nodiscard]] static bool is_listening(const std::string& address) {
    try {
      (void)Socket::connect_tcp(address);
      return true;
    } catch (const SocketError&) {
      return false;
    }
  }

  /// As docs/tls.md has it.
  [[nodiscard]] RunResult run_certbot() const {
    const std::string live = files_ / "etc/live/shop.example/";
    const std::string hook = "cp " + live + "fullchain.pem " + (files_ / "shop.pem") + " && cp " +
                             live + "privkey.pem " + (files_ / "shop.key") + " && " +
                             bonedryctl_program() + " --socket " + bonedry_->socket_path() +
                             " reload";
    return run_program({"/usr/bin/certbot",
                        "certonly",
                        "--webroot",
                        "-w",
                        files_ / "www",
                        "-d",
                        "shop.example",
                        "--server",
                        "https://" + acme_.address() + "/dir",
                        "--config-dir",
                        files_ / "etc",
                        "--work-dir",
                        files_ / "work",
                        "--logs-dir",
                        files_ / "logs",
                        "--agree-tos",
                        "--register-unsafely-without-email",
                        "--non-interactive",
                        "--deploy-hook",
                        hook},
                       {"REQUESTS_CA_BUNDLE=" + (files_ / "ca.pem")}, kDeadline * 6);
  }

  CertificateAuthority ca_;
  TemporaryDirectory files_;
  ListeningPort acme_;  // reserved for the programs, which open them
  ListeningPort pebble_management_;
  ListeningPort dns_;
  ListeningPort names_management_;
  std::optional<ChildProcess> names_;
  std::optional<ChildProcess> pebble_;
};

INSTANTIATE_TEST_SUITE_P(Workers, AcmeStory, worker_counts(), name_of_workers);

TEST_P(AcmeStory, CertbotGetsACertificateAndAReloadServesIt) {
  for (const char* program : {"/usr/bin/certbot", "/usr/bin/pebble"}) {
    if (!is_installed(program)) GTEST_SKIP() << program << " is not installed";
  }
  std::filesystem::create_directory(files_ / "www");
  launch_shop();
  start_ca();
  HttpClient before{bonedry_->address(), TlsClient{}};
  EXPECT_EQ(before.get("/").status, 200);
  const RunResult certbot = run_certbot();
  ASSERT_EQ(certbot.code, 0) << certbot.out << certbot.err << read_file(files_ / "pebble.out");
  EXPECT_THAT(bonedry_->out(), HasSubstr(R"("target":"/.well-known/acme-challenge/)"));
  HttpClient after{bonedry_->address(), TlsClient{}};
  EXPECT_EQ(after.get("/").status, 200);
  const std::string served = after.socket().peer_certificate();
  EXPECT_NE(served, before.socket().peer_certificate());
  EXPECT_EQ(read_file(files_ / "etc/live/shop.example/cert.pem"), served);
  EXPECT_EQ(before.get("/").status, 200) << "nobody is disconnected";
}

}  // namespace
}  // namespace bonedry::test
