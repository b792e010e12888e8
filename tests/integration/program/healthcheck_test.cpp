// `kubecliff healthcheck` as container runtimes run it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/program/program.h"
#include "tests/support/certificates.h"
#include "tests/support/file_tree.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

ToolRun healthcheck(std::vector<std::string> options) {
  options.insert(options.begin(), "healthcheck");
  return run_program(std::move(options));
}

std::string url(std::string_view scheme, std::uint16_t port) {
  return std::string{scheme} + "://127.0.0.1:" + std::to_string(port) + "/-/healthy";
}

// Takes connections, as far as the kernel does that, and says nothing.
class Silence {
 public:
  Silence() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_.get(), generic, size), 0);
    EXPECT_EQ(::listen(socket_.get(), 8), 0);
    EXPECT_EQ(::getsockname(socket_.get(), generic, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  UniqueFd socket_;
  std::uint16_t port_ = 0;
};

class HealthcheckTest : public ::testing::Test {
 protected:
  // The daemon, on a port of its own and without collectors; `web` is its web configuration.
  void serve(std::string_view web = {}) {
    if (!web.empty()) {
      files_.file("web.yml", web);
      web_ = "--web.config.file=" + (files_.path() / "web.yml").string();
    }
    std::vector<std::string> arguments{"--web.listen-address=127.0.0.1:0",
                                       "--collector.disable-defaults"};
    if (!web_.empty()) {
      arguments.push_back(web_);
    }
    auto program = Program::start(arguments);
    ASSERT_THAT(program, has_value());
    program_ = std::move(*program);
    port_ = program_->port_served();
    ASSERT_NE(port_, 0);
  }

  [[nodiscard]] std::vector<std::string> options(std::string_view host = "127.0.0.1") const {
    std::vector<std::string> options{"--web.listen-address=" + std::string{host} + ':' +
                                     std::to_string(port_)};
    if (!web_.empty()) {
      options.push_back(web_);
    }
    return options;
  }

  [[nodiscard]] std::string tls(std::string_view more = {}) {
    make_ca(files_.path(), "ca");
    make_certificate(files_.path(), "server", "ca", "subjectAltName=DNS:node.example");
    return "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n" +
           std::string{more};
  }

  FileTree files_;
  std::string web_;  // an option, where there is a web configuration
  std::unique_ptr<Program> program_;
  std::uint16_t port_ = 0;
};

TEST_F(HealthcheckTest, AsksTheAddressThatTheOptionsName) {
  serve();
  const ToolRun run = healthcheck(options());
  EXPECT_EQ(run.exit_status, 0) << run.err;
  EXPECT_EQ(run.out, url("http", port_) + ": ok\n");
  EXPECT_EQ(healthcheck(options("0.0.0.0")).out, run.out);

  const auto file = files_.path() / "kubecliff.yml";
  files_.file("kubecliff.yml", "web.listen-address: [\":" + std::to_string(port_) +
                                   "\", \"127.0.0.1:1\"]\nlog.level: warn\n");
  EXPECT_EQ(healthcheck({"--config.file=" + file.string()}).out, run.out);
}

TEST_F(HealthcheckTest, TakesACertificateForWhateverName) {
  serve(tls());
  const ToolRun run = healthcheck(options());
  EXPECT_EQ(run.exit_status, 0) << run.err;
  EXPECT_EQ(run.out, url("https", port_) + ": ok\n");
}

TEST_F(HealthcheckTest, ADaemonThatAsksForAUserServes) {
  // Any hash of bcrypt's form: nobody logs in.
  serve("basic_auth_users: {alice: $2y$04$" + std::string(53, 'a') + "}\n");
  ASSERT_THAT(http_get(port_, "/-/healthy"), StartsWith("HTTP/1.1 401"));
  const ToolRun run = healthcheck(options());
  EXPECT_EQ(run.exit_status, 0) << run.err;
}

TEST_F(HealthcheckTest, ADaemonThatAsksForAClientCertificateServes) {
  for (const std::string_view version : {"TLS12", "TLS13"}) {
    for (const std::string_view demand : {"RequireAnyClientCert", "RequireAndVerifyClientCert"}) {
      serve(tls("  client_auth_type: " + std::string{demand} +
                "\n  client_ca_file: ca.crt\n  max_version: " + std::string{version} + "\n"));
      const ToolRun run = healthcheck(options());
      EXPECT_EQ(run.exit_status, 0) << version << ' ' << demand << ": " << run.err;
    }
  }
}

TEST_F(HealthcheckTest, SaysThatNobodyListens) {
  port_ = free_port();
  const ToolRun run = healthcheck(options());
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_EQ(run.err, "kubecliff: healthcheck: " + url("http", port_) +
                         ": nobody listens there: start kubecliff, or give the options that it "
                         "runs with\n");
}

TEST_F(HealthcheckTest, GivesUpOnADaemonThatIsSilent) {
  const Silence silence;
  port_ = silence.port();
  for (const std::string& web : {std::string{}, tls()}) {
    if (!web.empty()) {
      files_.file("web.yml", web);
      web_ = "--web.config.file=" + (files_.path() / "web.yml").string();
    }
    const ToolRun run = healthcheck(options());
    EXPECT_EQ(run.exit_status, 1);
    EXPECT_THAT(run.err, EndsWith(": no answer in time: it hangs, or gets no CPU time\n"));
    EXPECT_GE(run.wall, 3s);
  }
}

TEST_F(HealthcheckTest, SaysThatTheDaemonSpeaksTlsAndIsAskedWithout) {
  serve(tls());
  web_.clear();
  const ToolRun run = healthcheck(options());
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_THAT(run.err, AllOf(StartsWith("kubecliff: healthcheck: " + url("http", port_) + ": it "),
                             HasSubstr("is that kubecliff")));
}

TEST_F(HealthcheckTest, SaysThatTheDaemonSpeaksNoTls) {
  serve();
  files_.file("web.yml", tls());
  web_ = "--web.config.file=" + (files_.path() / "web.yml").string();
  const ToolRun run = healthcheck(options());
  EXPECT_EQ(run.exit_status, 1);
  EXPECT_THAT(run.err, AllOf(HasSubstr(url("https", port_)), HasSubstr("--web.config.file?\n")));
}

TEST_F(HealthcheckTest, WrongSettingsAreNoHealth) {
  struct Case {
    std::vector<std::string> options;
    std::string_view why;
  };
  const std::vector<Case> cases{
      {{"--web.listen-address=:0"},
       "healthcheck: --web.listen-address: expected a port to ask, got 0"},
      {{"--web.config.file=/nonexistent"}, "/nonexistent: No such file or directory"},
      {{"--log.level=loud"}, "--log.level: expected debug, info, warn or error"},
  };
  for (const Case& c : cases) {
    const ToolRun run = healthcheck(c.options);
    EXPECT_EQ(run.exit_status, 1);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, AllOf(StartsWith("kubecliff: "), HasSubstr(std::string{c.why})));
  }
}

}  // namespace
}  // namespace kubecliff::test
