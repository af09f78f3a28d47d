// TLS with clients that are not ours: curl, Python's ssl and the https of Node.js.
#include "tests/scenario/story.h"
#include "tests/support/can_run.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_directory.h"

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kCurl = "/usr/bin/curl";
constexpr const char* kDebianPython = "/usr/bin/python3";
constexpr const char* kNodeJs = "/usr/bin/node";  // not among the packages for tests: it is large

std::string peer(const std::string& script) {
  return std::string(BONEDRY_SOURCE_DIR) + "/tests/peers/" + script;
}

/// Alice and Bob behind a listener with TLS, as shop.example and as other.example.
class TlsClientsStory : public ShopStory {
 protected:
  TlsClientsStory() {
    write("shop", ca_.issue());
    write("other", ca_.issue({.names = {"other.example"}}));
    files_.write("ca.pem", ca_.certificate());
    files_.write("staff.pem", staff_.certificate());
    write("badge", staff_.issue({.names = {"employee"}}));
    write("stranger", ca_.issue({.names = {"employee"}}));
  }

  void launch_shop(const std::string& keys = {}) {
    TestConfig shop = config();
    shop.pools[0].listener = {"tls = { certificates = [" + pair("shop") + ", " + pair("other") +
                              "]" + keys + " }"};
    launch(shop);
  }
  void launch_staff_shop() {
    launch_shop(R"(, client_certificates = "required", client_ca = ")" + (files_ / "staff.pem") +
                "\"");
  }

  [[nodiscard]] RunResult curl(const std::vector<std::string>& options) const {
    return curl_at("shop.example", options);
  }
  [[nodiscard]] RunResult curl_at(const std::string& name,
                                  const std::vector<std::string>& options) const {
    const std::string address = bonedry_->address();
    const std::string port = address.substr(address.rfind(':') + 1);
    std::vector<std::string> all{kCurl,       "-sS",
                                 "--noproxy", "*",
                                 "--cacert",  files_ / "ca.pem",
                                 "--resolve", name + ":" + port + ":127.0.0.1"};
    all.insert(all.end(), options.begin(), options.end());
    all.push_back("https://" + name + ":" + port + "/page");
    return run_program(all);
  }
  [[nodiscard]] RunResult python(const std::string& command,
                                 const std::vector<std::string>& arguments) const {
    std::vector<std::string> all{kDebianPython, peer("tls_client.py"), command, bonedry_->address(),
                                 files_ / "ca.pem"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_program(all, {}, kDeadline * 3);
  }

  CertificateAuthority ca_;
  CertificateAuthority staff_{"Staff"};
  TemporaryDirectory files_;

 private:
  void write(const std::string& name, const IssuedCertificate& issued) const {
    files_.write(name + ".pem", issued.certificate);
    files_.write(name + ".key", issued.key);
  }
  [[nodiscard]] std::string pair(const std::string& name) const {
    return "{ certificate = \"" + (files_ / (name + ".pem")) + "\", key = \"" +
           (files_ / (name + ".key")) + "\" }";
  }
};

INSTANTIATE_TEST_SUITE_P(Workers, TlsClientsStory, worker_counts(), name_of_workers);

TEST_P(TlsClientsStory, CurlIsServedWithEitherVersionAndRefusesOtherServers) {
  if (!can_run(kCurl)) GTEST_SKIP() << kCurl << " is not installed";
  launch_shop();
  for (const std::string version : {"1.2", "1.3"}) {
    const RunResult page =
        curl({"--tlsv" + version, "--tls-max", version, "-w", "%{http_code} %{http_version}", "-o",
              files_ / "body", "--data-binary", std::string(50000, 'x')});
    EXPECT_EQ(page.out, "200 2") << page.err;
    EXPECT_THAT(read_file(files_ / "body"), HasSubstr(R"("size":50000)"));
    EXPECT_TRUE(eventually([&] {
      return bonedry_->out().find(R"("tls_version":"TLSv)" + version) != std::string::npos;
    }));
  }
  constexpr int kNotVerified = 60;  // of curl
  const RunResult wrong = curl_at("wrong.example", {});
  EXPECT_EQ(wrong.code, kNotVerified) << wrong.err;
  const RunResult other_ca = curl({"--cacert", files_ / "staff.pem"});
  EXPECT_EQ(other_ca.code, kNotVerified) << other_ca.err;
  EXPECT_TRUE(bonedry_->says("alert unknown ca")) << "so the log says why curl goes";
}

TEST_P(TlsClientsStory, CurlIsServedWithTheRightCertificateOnly) {
  if (!can_run(kCurl)) GTEST_SKIP() << kCurl << " is not installed";
  launch_staff_shop();
  for (const std::string version : {"1.2", "1.3"}) {
    // With HTTP/2, curl 7.88 writes before it reads the alert, and then shows another error.
    const std::vector<std::string> common{
        "--http1.1", "--tlsv" + version, "--tls-max", version,
        "-o",        "/dev/null",        "-w",        "%header{x-node}"};
    const auto curl_as = [&](const std::string& who) {
      std::vector<std::string> options = common;
      options.insert(options.end(),
                     {"--cert", files_ / (who + ".pem"), "--key", files_ / (who + ".key")});
      return curl(options);
    };
    const RunResult employee = curl_as("badge");
    ASSERT_EQ(employee.code, 0) << employee.err;
    const FakeNode& node = employee.out == "alice" ? alice_ : bob_;
    EXPECT_THAT(node.last("/page").headers.get("Client-Cert"), StartsWith(":MII"));
    const RunResult nobody = curl(common);
    EXPECT_NE(nobody.code, 0);
    EXPECT_THAT(nobody.err,
                AnyOf(HasSubstr("certificate required"), HasSubstr("handshake failure")))
        << "the alert arrives, with TLS 1.3 after curl has sent its request";
    const RunResult stranger = curl_as("stranger");
    EXPECT_NE(stranger.code, 0);
    EXPECT_THAT(stranger.err, HasSubstr("unknown ca"));
  }
}

TEST_P(TlsClientsStory, PythonResumesItsSessionsWithEitherVersion) {
  launch_shop();
  for (const std::string version : {"1.2", "1.3"}) {
    const RunResult result = python("resume", {version});
    const std::string line = "TLSv" + version + " 200 ";
    EXPECT_EQ(result.out, line + "full\n" + line + "resumed\n" + line + "resumed\n") << result.err;
  }
}

TEST_P(TlsClientsStory, PythonGetsTheCertificateOfTheNameAndShowsItsOwn) {
  launch_shop();
  EXPECT_EQ(python("name", {"shop.example"}).out, "shop.example\n");
  EXPECT_EQ(python("name", {"other.example"}).out, "other.example\n");
  EXPECT_THAT(python("name", {"wrong.example"}).err, HasSubstr("Hostname mismatch"));
  launch_staff_shop();
  const RunResult employee = python("certificate", {files_ / "badge.pem", files_ / "badge.key"});
  EXPECT_EQ(employee.out, "200\n") << employee.err;
  const RunResult stranger =
      python("certificate", {files_ / "stranger.pem", files_ / "stranger.key"});
  EXPECT_EQ(stranger.out, "");
  EXPECT_THAT(stranger.err, HasSubstr("alert unknown ca"));
}

TEST_P(TlsClientsStory, PythonAndTheProxySayBothThatTheyEnd) {
  launch_shop();
  for (const std::string version : {"1.2", "1.3"}) {
    const RunResult result = python("end", {version});
    EXPECT_EQ(result.out, "the client\nthe server\n") << version << ": " << result.err;
  }
}

TEST_P(TlsClientsStory, TheAgentOfNodeJsKeepsItsConnectionAndResumesWhenItIsGone) {
  if (!can_run(kNodeJs)) GTEST_SKIP() << kNodeJs << " is not installed";
  launch_shop();
  for (const std::string version : {"TLSv1.2", "TLSv1.3"}) {
    const RunResult result = run_program(
        {kNodeJs, peer("https_agent.js"), bonedry_->address(), files_ / "ca.pem", version}, {},
        kDeadline * 3);
    EXPECT_EQ(result.out, version + " 200 0 new full\n" + version + " 200 300000 kept full\n" +
                              version + " 200 0 new resumed\n")
        << result.err;
  }
}

}  // namespace
}  // namespace bonedry::test
