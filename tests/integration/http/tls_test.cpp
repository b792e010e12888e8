// TLS and users, against curl and openssl as clients.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include "exporter/http/exposition.h"
#include "exporter/http/server.h"
#include "exporter/http/web_config.h"
#include "tests/integration/http/client.h"
#include "tests/support/certificates.h"
#include "tests/support/run_tool.h"

namespace kubecliff::http {
namespace {

using namespace std::chrono_literals;
using kubecliff::test::run_tool;
using kubecliff::test::ToolRun;

ToolRun run(const std::vector<std::string>& argv, std::string_view input = {}) {
  auto result = run_tool(argv, input, 30s);
  EXPECT_TRUE(result) << result.error().message;
  return result ? std::move(*result) : ToolRun{};
}

// A folder with certificates and a web configuration, gone with the test.
class HttpsTest : public testing::Test {
 public:
  HttpsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "kubecliff-https-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    make_ca("ca");
    make_certificate("server", "ca", "subjectAltName=DNS:localhost,IP:127.0.0.1");
  }
  ~HttpsTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  HttpsTest(const HttpsTest&) = delete;
  HttpsTest& operator=(const HttpsTest&) = delete;

 protected:
  [[nodiscard]] std::string path(std::string_view name) const { return (folder_ / name).string(); }

  // Replaced as a careful administrator and Kubernetes do: by a rename.
  void write(std::string_view name, std::string_view text) const {
    std::ofstream{path("new"), std::ios::binary} << text;
    std::filesystem::rename(path("new"), path(name));
  }

  [[nodiscard]] std::string read(std::string_view name) const {
    std::ifstream file{path(name), std::ios::binary};
    return std::string{std::istreambuf_iterator<char>{file}, {}};
  }

  void make_ca(const std::string& name) const { kubecliff::test::make_ca(folder_, name); }

  void make_certificate(const std::string& name, const std::string& ca,
                        const std::string& extension) const {
    kubecliff::test::make_certificate(folder_, name, ca, extension);
  }

  static std::string tls(std::string_view more = {}) {
    return "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n" +
           std::string{more};
  }

  static Response hello(const Request& /*request*/) { return {.body = "hello\n"}; }

  void start(std::string_view config, std::vector<std::string> addresses = {"127.0.0.1:0"},
             Handler handler = hello) {
    write("web.yml", config);
    auto file = WebConfigFile::open(path("web.yml"), [this](const Error& error) {
      const std::lock_guard lock{mutex_};
      reports_.push_back(error.message);
    });
    ASSERT_TRUE(file) << file.error().message;
    auto server = Server::start({.listen_addresses = std::move(addresses), .web_config = *file},
                                std::move(handler));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }

  [[nodiscard]] std::string port(std::size_t at = 0) const {
    return std::to_string(server_->ports().at(at));
  }

  // curl's exit status; its output goes to out_.
  int curl(std::vector<std::string> options, std::size_t at = 0) {
    std::vector<std::string> argv = {"curl", "-sS", "--max-time", "10", "-w", "%{http_code}"};
    std::ranges::move(options, std::back_inserter(argv));
    argv.push_back("https://127.0.0.1:" + port(at) + "/");
    const ToolRun got = run(argv);
    out_ = got.out;
    return got.exit_status;
  }
  int trusting_curl(std::vector<std::string> options = {}, std::size_t at = 0) {
    options.insert(options.begin(), {"--cacert", path("ca.crt")});
    return curl(std::move(options), at);
  }

  [[nodiscard]] std::string served_serial() const {
    const ToolRun shown = run({"openssl", "s_client", "-connect", "127.0.0.1:" + port()}, "");
    return run({"openssl", "x509", "-noout", "-serial"}, shown.out).out;
  }
  [[nodiscard]] std::string serial_of(const std::string& name) const {
    return run({"openssl", "x509", "-noout", "-serial", "-in", path(name + ".crt")}).out;
  }

  std::vector<std::string> reports() {
    const std::lock_guard lock{mutex_};
    return reports_;
  }

  std::filesystem::path folder_;
  std::unique_ptr<Server> server_;
  std::string out_;

 private:
  std::mutex mutex_;
  std::vector<std::string> reports_;
};

TEST_F(HttpsTest, EveryAddressSpeaksTlsAndNothingElse) {
  start(tls(), {"127.0.0.1:0", ":0"});
  for (const std::size_t at : {0U, 1U}) {
    EXPECT_EQ(trusting_curl({}, at), 0);
    EXPECT_EQ(out_, "hello\n200");
    EXPECT_NE(curl({}, at), 0) << "the system's authorities do not know ours";
    test::Client plain{server_->ports()[at]};
    EXPECT_EQ(plain.get("/").status, 0);
  }
}

TEST_F(HttpsTest, NeedsNoUnversionedLibraryNames) {
  // The loader says which files it is asked for; the development package's names must not be among
  // them. A program of its own, for the loader reads its orders at the start.
  if (std::getenv("LD_DEBUG") != nullptr) {  // NOLINT(concurrency-mt-unsafe): one thread so far
    start(tls());
    EXPECT_EQ(trusting_curl(), 0);
    return;
  }
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const ToolRun child = run({"env", "LD_DEBUG=files", "LD_DEBUG_OUTPUT=" + path("loader"), self,
                             "--gtest_filter=HttpsTest.NeedsNoUnversionedLibraryNames"});
  EXPECT_EQ(child.exit_status, 0) << child.out;

  std::string loader;
  for (const auto& entry : std::filesystem::directory_iterator{folder_}) {
    if (entry.path().filename().string().starts_with("loader")) {
      loader += read(entry.path().filename().string());
    }
  }
  EXPECT_NE(loader.find("file=libssl.so.3 "), std::string::npos) << "the loader said something";
  EXPECT_EQ(loader.find("file=libssl.so "), std::string::npos);
  EXPECT_EQ(loader.find("file=libcrypto.so "), std::string::npos);
}

TEST_F(HttpsTest, NewCertificateIsServedFromTheNextHandshakeOn) {
  start(tls());
  EXPECT_EQ(served_serial(), serial_of("server"));
  const std::string before = serial_of("server");
  make_certificate("next", "ca", "subjectAltName=IP:127.0.0.1");
  std::filesystem::rename(path("next.key"), path("server.key"));
  std::filesystem::rename(path("next.crt"), path("server.crt"));
  EXPECT_EQ(served_serial(), serial_of("server"));
  EXPECT_NE(served_serial(), before);
  EXPECT_EQ(trusting_curl(), 0);
}

TEST_F(HttpsTest, BrokenFilesLeaveInForceWhatWasThereAndAreReportedOnce) {
  start(tls());
  const std::string good_key = read("server.key");
  const std::string good_certificate = read("server.crt");
  make_certificate("other", "ca", "subjectAltName=IP:127.0.0.1");
  struct Case {
    std::string file;
    std::string text;
    std::string expected;
  };
  const Case cases[] = {
      {"server.crt", "no certificate", "cert_file " + path("server.crt")},
      {"server.crt", read("other.crt"), "does not belong to cert_file"},
      {"server.crt", good_certificate, ""},
      {"server.key", "no key", "key_file " + path("server.key")},
      {"server.key", good_key, ""},
      {"web.yml", "tls_server_config: [", path("web.yml") + ":"},
      {"web.yml", "tls_server_config:\n", "takes a restart"},
      {"web.yml", tls(), ""},
  };
  for (const Case& c : cases) {
    const std::size_t before = reports().size();
    write(c.file, c.text);
    EXPECT_EQ(trusting_curl(), 0) << c.expected;
    EXPECT_EQ(trusting_curl(), 0) << c.expected;
    const auto after = reports();
    ASSERT_EQ(after.size(), before + (c.expected.empty() ? 0 : 1)) << c.expected;
    if (!c.expected.empty()) {
      EXPECT_NE(after.back().find(c.expected), std::string::npos) << after.back();
    }
  }
  std::filesystem::remove(path("server.key"));
  EXPECT_EQ(trusting_curl(), 0);
  EXPECT_NE(reports().back().find("No such file"), std::string::npos) << reports().back();
}

TEST_F(HttpsTest, VersionsOutsideTheLimitsAreRefusedAndLimitsCanChange) {
  start(tls("  min_version: TLS13\n"));
  EXPECT_NE(trusting_curl({"--tlsv1.2", "--tls-max", "1.2"}), 0);
  EXPECT_EQ(trusting_curl({"--tlsv1.3"}), 0);
  write("web.yml", tls("  max_version: TLS12\n"));
  EXPECT_EQ(trusting_curl({"--tlsv1.2", "--tls-max", "1.2"}), 0);
  EXPECT_NE(trusting_curl({"--tlsv1.3"}), 0);
}

TEST_F(HttpsTest, OldVersionsAreRefused) {
  start(tls());
  for (const char* version : {"1.0", "1.1"}) {
    EXPECT_NE(trusting_curl({"--tls-max", version, "--ciphers", "ALL:@SECLEVEL=0"}), 0) << version;
  }
}

TEST_F(HttpsTest, CipherSuitesAndCurvesAreTheConfigured) {
  start(
      tls("  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_AES_256_GCM_SHA384]\n"
          "  curve_preferences: [CurveP384]\n"));
  EXPECT_NE(trusting_curl({"--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"}), 0);
  EXPECT_EQ(trusting_curl({"--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"}), 0);
  EXPECT_NE(trusting_curl({"--tlsv1.3", "--tls13-ciphers", "TLS_AES_128_GCM_SHA256"}), 0);
  EXPECT_EQ(trusting_curl({"--tlsv1.3", "--tls13-ciphers", "TLS_AES_256_GCM_SHA384"}), 0);
  EXPECT_NE(trusting_curl({"--curves", "X25519"}), 0);
  EXPECT_EQ(trusting_curl({"--curves", "X25519:P-384"}), 0);
}

TEST_F(HttpsTest, ClientCertificatesFollowThePolicy) {
  make_ca("stranger");
  make_certificate("client", "ca", "subjectAltName=DNS:prometheus.example,IP:10.0.0.1");
  make_certificate("intruder", "stranger", "subjectAltName=DNS:prometheus.example");
  const auto with = [&](const std::string& name) -> std::vector<std::string> {
    return name.empty() ? std::vector<std::string>{}
                        : std::vector<std::string>{"--cert", path(name + ".crt"), "--key",
                                                   path(name + ".key")};
  };
  const std::string ca = "  client_ca_file: ca.crt\n";
  struct Case {
    std::string config;
    std::string client;
    bool let_in;
  };
  const Case cases[] = {
      {"  client_auth_type: RequireAndVerifyClientCert\n" + ca, "", false},
      {"  client_auth_type: RequireAndVerifyClientCert\n" + ca, "intruder", false},
      {"  client_auth_type: RequireAndVerifyClientCert\n" + ca, "client", true},
      {"  client_auth_type: VerifyClientCertIfGiven\n" + ca, "", true},
      {"  client_auth_type: VerifyClientCertIfGiven\n" + ca, "intruder", false},
      {"  client_auth_type: VerifyClientCertIfGiven\n" + ca, "client", true},
      {"  client_auth_type: RequireAnyClientCert\n", "", false},
      {"  client_auth_type: RequireAnyClientCert\n", "intruder", true},
      {"  client_auth_type: RequestClientCert\n", "", true},
      {"  client_auth_type: RequestClientCert\n", "intruder", true},
      {"  client_auth_type: NoClientCert\n", "intruder", true},
      {"  client_auth_type: RequireAndVerifyClientCert\n" + ca +
           "  client_allowed_sans: [prometheus.example]\n",
       "client", true},
      {"  client_auth_type: RequireAndVerifyClientCert\n" + ca +
           "  client_allowed_sans: [10.0.0.1]\n",
       "client", true},
      {"  client_auth_type: RequireAndVerifyClientCert\n" + ca +
           "  client_allowed_sans: [example, rometheus.example, 10.0.0.2]\n",
       "client", false},
      {"  client_auth_type: RequireAndVerifyClientCert\n" + ca +
           "  client_allowed_sans: [prometheus.example]\n",
       "intruder", false},
  };
  start(tls());
  for (const Case& c : cases) {
    write("web.yml", tls(c.config));
    // With TLS 1.3 the client learns of its refusal when it reads; in both curl fails.
    for (const char* most : {"1.2", "1.3"}) {
      auto options = with(c.client);
      options.insert(options.end(), {"--tls-max", most});
      EXPECT_EQ(trusting_curl(options) == 0, c.let_in) << c.config << c.client << ' ' << most;
    }
  }
  EXPECT_TRUE(reports().empty());
}

TEST_F(HttpsTest, EncryptedKeyIsAnErrorAndAsksNobody) {
  const ToolRun made = run({"openssl", "ec", "-aes256", "-passout", "pass:x", "-in",
                            path("server.key"), "-out", path("encrypted.key")});
  ASSERT_EQ(made.exit_status, 0) << made.err;
  write("web.yml", "tls_server_config: {cert_file: server.crt, key_file: encrypted.key}");
  const auto file = WebConfigFile::open(path("web.yml"));
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("not encrypted"), std::string::npos) << file.error().message;
}

TEST_F(HttpsTest, CertificateAndKeyMayStandInTheFileItself) {
  const auto indented = [](std::string text) {
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 5) {
      text.insert(at + 1, "    ");
    }
    return "    " + text;
  };
  start("tls_server_config:\n  cert: |\n" + indented(read("server.crt")) + "\n  key: |\n" +
        indented(read("server.key")) + "\n");
  EXPECT_EQ(trusting_curl(), 0);
}

TEST_F(HttpsTest, UnfinishedHandshakesHoldUpNoScrape) {
  start(tls());
  std::vector<test::Client> slow;
  slow.reserve(40);
  for (int client = 0; client < 40; ++client) {
    slow.emplace_back(server_->ports().front()).send("\x16\x03\x01");
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(trusting_curl(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

// ---- Users
// --------------------------------------------------------------------------------------------

class UsersTest : public HttpsTest {
 protected:
  static std::string hash(const std::string& password, int cost = 4) {
    const std::string line = run({"htpasswd", "-nbBC", std::to_string(cost), "user", password}).out;
    return line.substr(5, 60);
  }

  int plain_curl(std::vector<std::string> options = {}) {
    std::vector<std::string> argv = {"curl", "-sS", "-D", path("head"), "-w", "%{http_code}"};
    std::ranges::move(options, std::back_inserter(argv));
    argv.push_back("http://127.0.0.1:" + port() + "/");
    const ToolRun got = run(argv);
    out_ = got.out;
    return got.exit_status == 0 ? std::atoi(out_.substr(out_.size() - 3).c_str()) : -1;
  }
};

TEST_F(UsersTest, OnlyTheRightPasswordOfAKnownUserPasses) {
  start("basic_auth_users:\n  alice: " + hash("secret") + "\n  bob: " + hash("other") + "\n");
  EXPECT_EQ(plain_curl({"-u", "alice:secret"}), 200);
  EXPECT_EQ(plain_curl({"-u", "alice:secret"}), 200);
  EXPECT_EQ(plain_curl({"-u", "bob:other"}), 200);
  for (const char* wrong : {"alice:other", "alice:", "bob:secret", "carol:secret", ":"}) {
    EXPECT_EQ(plain_curl({"-u", wrong}), 401) << wrong;
  }
  EXPECT_EQ(plain_curl(), 401);
  EXPECT_NE(read("head").find("WWW-Authenticate: Basic realm="), std::string::npos);
  EXPECT_EQ(out_.find("hello"), std::string::npos);
}

TEST_F(UsersTest, ChangedPasswordCountsFromTheNextRequestOn) {
  start("basic_auth_users: {alice: " + hash("secret") + "}");
  EXPECT_EQ(plain_curl({"-u", "alice:secret"}), 200);
  write("web.yml", "basic_auth_users: {alice: " + hash("changed") + "}");
  EXPECT_EQ(plain_curl({"-u", "alice:secret"}), 401);
  EXPECT_EQ(plain_curl({"-u", "alice:changed"}), 200);
  write("web.yml", "basic_auth_users: {alice: changed}");
  EXPECT_EQ(plain_curl({"-u", "alice:changed"}), 200);
  EXPECT_EQ(reports().size(), 1U);
}

TEST_F(UsersTest, WrongPasswordsHoldUpNoScrapeOfAKnownUser) {
  start("basic_auth_users: {alice: " + hash("secret", 10) + "}");
  test::Client scraper{server_->ports().front()};
  const std::string right = "Authorization: Basic YWxpY2U6c2VjcmV0\r\n";
  const std::string wrong = "Authorization: Basic YWxpY2U6Z3Vlc3M=\r\n";
  ASSERT_EQ(scraper.get("/", right).status, 200);

  std::atomic<int> refused{0};
  std::vector<std::jthread> attackers;
  attackers.reserve(40);
  for (int attacker = 0; attacker < 40; ++attacker) {
    attackers.emplace_back([&](const std::stop_token& stopped) {
      while (!stopped.stop_requested()) {
        test::Client client{server_->ports().front()};
        const auto answer = client.get("/", wrong);
        EXPECT_TRUE(answer.status == 401 || answer.status == 503 || answer.status == 0);
        ++refused;
      }
    });
  }
  std::vector<std::chrono::steady_clock::duration> times;
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (times.size() < 100 || (refused < 20 && std::chrono::steady_clock::now() < deadline)) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(scraper.get("/", right).status, 200);
    times.push_back(std::chrono::steady_clock::now() - start);
    std::this_thread::sleep_for(5ms);  // as a scraper would, only more often
  }
  std::ranges::sort(times);
  EXPECT_LT(times[times.size() / 2], 100ms);
  EXPECT_GE(refused, 20);
}

TEST_F(UsersTest, HeadersAndRateLimitApply) {
  start(
      "http_server_config: {headers: {X-Frame-Options: deny}}\n"
      "rate_limit: {interval: 1h, burst: 2}\n");
  EXPECT_EQ(plain_curl(), 200);
  EXPECT_NE(read("head").find("X-Frame-Options: deny"), std::string::npos);
  EXPECT_EQ(plain_curl(), 200);
  EXPECT_EQ(plain_curl(), 429);
  EXPECT_NE(read("head").find("X-Frame-Options: deny"), std::string::npos);
}

// ---- Prometheus itself
// --------------------------------------------------------------------------------

TEST_F(UsersTest, PrometheusScrapesOpenMetricsOverTlsAsAUser) {
  prometheus::ClientMetric counter;
  counter.counter.value = 3;
  prometheus::ClientMetric gauge;
  gauge.label = {{"table", "n\\a\"t\n\xFF"}};
  gauge.gauge.value = 0.25;
  prometheus::ClientMetric histogram;
  histogram.histogram = {.sample_count = 3, .sample_sum = 2.5, .bucket = {{1, 0.5}, {2, 1}}};
  using prometheus::MetricType;
  const std::vector<SnapshotPtr> snapshots = {std::make_shared<const Snapshot>(Snapshot{
      .families = {{"test_drops_total", "Drops \\ of\nit.", MetricType::Counter, {counter}},
                   {"test_rules", "Rules.", MetricType::Gauge, {gauge}},
                   {"test_wait_seconds", "Waits.", MetricType::Histogram, {histogram}}}})};
  std::atomic<int> scrapes{0};
  start(tls("basic_auth_users: {prometheus: " + hash("secret") + "}\n"), {"127.0.0.1:0"},
        [&](const Request& request) -> Response {
          const Format format = negotiate(request.header("Accept"));
          EXPECT_EQ(format, Format::openmetrics_1_0_0) << request.header("Accept");
          if (++scrapes == 3) {
            write("enough", "");
          }
          return {.content_type = std::string{content_type(format)},
                  .body = render(format, snapshots)};
        });
  write("prometheus.yml",
        "scrape_configs:\n"
        "  - job_name: kubecliff\n"
        "    scrape_interval: 500ms\n"
        "    scrape_timeout: 500ms\n"
        "    scheme: https\n"
        "    tls_config: {ca_file: " +
            path("ca.crt") +
            "}\n"
            "    basic_auth: {username: prometheus, password: secret}\n"
            "    static_configs: [{targets: ['127.0.0.1:" +
            port() + "']}]\n");
  const ToolRun scraping =
      run({"timeout", "60", "sh", "-c",
           // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one script
           "prometheus --config.file=\"$0/prometheus.yml\" --storage.tsdb.path=\"$0/tsdb\" "
           "--web.listen-address=127.0.0.1:0 & "
           "while kill -0 $! && [ ! -e \"$0/enough\" ]; do sleep 0.1; done; kill $!; wait $!",
           folder_.string()});
  EXPECT_GE(scrapes, 3) << scraping.err;
  const std::string target = "127.0.0.1:" + port();
  server_.reset();  // before what its handler refers to

  const ToolRun dumped = run({"promtool", "tsdb", "dump", path("tsdb")});
  EXPECT_EQ(dumped.exit_status, 0) << dumped.err;
  for (const std::string_view series :
       {R"({__name__="up", )", R"({__name__="test_drops_total", )",
        R"({__name__="test_rules", instance=)", R"({__name__="test_wait_seconds_bucket", )",
        R"(le="+Inf")", R"(le="1.0")", R"(table="n\\a\"t\n)"}) {
    EXPECT_NE(dumped.out.find(series), std::string::npos) << series << '\n' << dumped.out;
  }
  EXPECT_EQ(dumped.out.find("__name__=\"up\", instance=\"" + target + "\", job=\"kubecliff\"} 0"),
            std::string::npos)
      << dumped.out;
}

}  // namespace
}  // namespace kubecliff::http
