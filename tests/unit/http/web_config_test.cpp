#include "exporter/http/web_config.h"

#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace kubecliff::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kHash = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

Result<WebConfig> parsed(std::string_view text) {
  return parse_web_config(text, "/etc/web.yml");
}

TEST(ParseWebConfig, EmptyFileAsksForNothing) {
  for (const std::string_view text :
       {"", "{}", "# nothing\n", "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\n"}) {
    const auto config = parsed(text);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(*config, WebConfig{}) << text;
  }
}

TEST(ParseWebConfig, TakesEveryKeyOfTheToolkit) {
  const auto config = parsed(R"(
tls_server_config:
  cert_file: tls/server.crt
  key_file: /abs/server.key
  client_ca_file: ca.crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [prometheus.example, 10.0.0.1]
  min_version: TLS12
  max_version: TLS13
  cipher_suites:
    - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    - TLS_AES_128_GCM_SHA256
  prefer_server_cipher_suites: false
  curve_preferences: [X25519, CurveP256]
http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=31536000
    X-XSS-Protection:
basic_auth_users:
  alice: )" + std::string{kHash} +
                             R"(
rate_limit:
  interval: 1m0.5s
  burst: 20
)");
  ASSERT_TRUE(config) << config.error().message;
  const WebConfig expected = {
      .tls = TlsConfig{.certificate = {.file = "/etc/tls/server.crt"},
                       .key = {.file = "/abs/server.key"},
                       .client_ca = {.file = "/etc/ca.crt"},
                       .client_auth = ClientAuth::require_and_verify,
                       .client_allowed_sans = {"prometheus.example", "10.0.0.1"},
                       .min_version = TlsVersion::tls12,
                       .max_version = TlsVersion::tls13,
                       .cipher_suites = {"ECDHE-RSA-AES128-GCM-SHA256"},
                       .tls13_suites = {"TLS_AES_128_GCM_SHA256"},
                       .prefer_server_cipher_suites = false,
                       .groups = {"X25519", "P-256"}},
      .headers = {{"X-Frame-Options", "deny"}, {"Strict-Transport-Security", "max-age=31536000"}},
      .users = {{"alice", std::string{kHash}}},
      .rate_limit = {.interval = 60'500ms, .burst = 20}};
  EXPECT_EQ(*config, expected);
}

TEST(ParseWebConfig, TakesPemTextInPlaceOfFiles) {
  const auto config = parsed("tls_server_config:\n  cert: |\n    CERT\n  key: KEY\n");
  ASSERT_TRUE(config) << config.error().message;
  const TlsConfig tls = config->tls.value_or(TlsConfig{});
  EXPECT_EQ(tls.certificate, (Pem{.text = "CERT\n"}));
  EXPECT_EQ(tls.key, (Pem{.text = "KEY"}));
}

TEST(ParseWebConfig, ClientAuthTypesAreTheToolkits) {
  struct Case {
    std::string_view name;
    ClientAuth expected;
  };
  const Case cases[] = {
      {"NoClientCert", ClientAuth::none},
      {"RequestClientCert", ClientAuth::request},
      {"RequireAnyClientCert", ClientAuth::require_any},
      {"RequireClientCert", ClientAuth::require_any},
      {"\"\"", ClientAuth::none},
  };
  for (const Case& c : cases) {
    const auto config = parsed("tls_server_config: {cert_file: c, key_file: k, client_auth_type: " +
                               std::string{c.name} + "}");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->tls.transform([](const TlsConfig& tls) { return tls.client_auth; }),
              c.expected)
        << c.name;
  }
}

TEST(ParseWebConfig, SaysFileLineKeyAndWhatItExpected) {
  struct Case {
    std::string_view text;
    std::string_view expected;
  };
  const Case cases[] = {
      {"\ntls_server_cfg:\n", "/etc/web.yml:2: tls_server_cfg: no such key"},
      {"tls_server_config:\n  cert_files: x\n",
       "/etc/web.yml:2: tls_server_config.cert_files: no such key"},
      {"[]", "/etc/web.yml:1: the file: expected keys and values"},
      {"text", "/etc/web.yml:1: the file: expected keys and values"},
      {"tls_server_config: 3\n", ":1: tls_server_config: expected keys and values"},
      {"tls_server_config:\n  cert_file: [a]\n",
       ":2: tls_server_config.cert_file: expected a string"},
      {"tls_server_config:\n  cert_file: c\n", "expected key_file or key"},
      {"tls_server_config:\n  key_file: k\n", "expected cert_file or cert"},
      {"tls_server_config: {cert_file: c, cert: d, key: k}",
       "expected a file or its text, not both"},
      {"tls_server_config: {cert_file: c, key_file: k, min_version: TLS10}",
       "tls_server_config.min_version: expected one of TLS12, TLS13"},
      {"tls_server_config: {cert_file: c, key_file: k, min_version: TLS13, max_version: TLS12}",
       "expected min_version not above max_version"},
      {"tls_server_config: {cert_file: c, key_file: k, cipher_suites: [TLS_NONE]}",
       "expected Go's names of cipher suites, and not TLS_NONE"},
      {"tls_server_config: {cert_file: c, key_file: k, cipher_suites: TLS_AES_128_GCM_SHA256}",
       "cipher_suites: expected a list of strings"},
      {"tls_server_config: {cert_file: c, key_file: k, curve_preferences: [P256]}",
       "curve_preferences: expected a list of CurveP256, CurveP384, CurveP521, X25519, and not "
       "P256"},
      {"tls_server_config: {cert_file: c, key_file: k, prefer_server_cipher_suites: maybe}",
       "prefer_server_cipher_suites: expected true or false"},
      {"tls_server_config: {cert_file: c, key_file: k, client_auth_type: Sometimes}",
       "client_auth_type: expected one of NoClientCert"},
      {"tls_server_config: {cert_file: c, key_file: k, client_ca_file: a}",
       "expected client_auth_type beside a client CA"},
      {"tls_server_config: {cert_file: c, key_file: k, client_auth_type: "
       "RequireAndVerifyClientCert}",
       "expected client_ca_file or client_ca"},
      {"tls_server_config: {cert_file: c, key_file: k, client_auth_type: RequestClientCert, "
       "client_allowed_sans: [a]}",
       "expected a client_auth_type that requires a certificate"},
      {"http_server_config:\n  headers:\n    Server: x\n",
       ":3: http_server_config.headers.Server: no such key"},
      {"http_server_config: {headers: {X-Frame-Options: allow}}", "expected deny or sameorigin"},
      {"http_server_config: {headers: {X-Content-Type-Options: sniff}}", "expected nosniff"},
      {"http_server_config: {headers: {X-XSS-Protection: \"1\\r\\nX: y\"}}",
       "expected one line of text"},
      {"http_server_config: {http2: 2}", "http2: expected true or false"},
      {"basic_auth_users:\n  alice: secret\n",
       "/etc/web.yml:2: basic_auth_users.alice: expected a bcrypt hash"},
      {"basic_auth_users: {alice: $2y$15$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}",
       "of a cost from 4 to 14"},
      {"basic_auth_users: {\"a:b\": $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}",
       "expected a user's name, without a colon"},
      {"rate_limit: {interval: 1s}", "rate_limit: expected burst beside interval"},
      {"rate_limit: {interval: 1 s, burst: 1}", "rate_limit.interval: expected a duration"},
      {"rate_limit: {interval: -1s, burst: 1}", "rate_limit.interval: expected a duration"},
      {"rate_limit: {interval: s, burst: 1}", "rate_limit.interval: expected a duration"},
      {"rate_limit: {interval: 1d, burst: 1}", "rate_limit.interval: expected a duration"},
      {"rate_limit: {interval: 2h, burst: 1}", "expected a duration of an hour or less"},
      {"rate_limit: {interval: 1s, burst: 0}", "rate_limit.burst: expected a whole number"},
      {"rate_limit: {interval: 1s, burst: 1.5}", "rate_limit.burst: expected a whole number"},
      {"rate_limit:\n  burst: 1\n  burst: 2\n", ":3: rate_limit.burst: expected to be given once"},
      {"a: [", "/etc/web.yml:"},
  };
  for (const Case& c : cases) {
    const auto config = parsed(c.text);
    ASSERT_FALSE(config) << c.text;
    EXPECT_EQ(config.error().kind, ErrorKind::malformed) << c.text;
    EXPECT_NE(config.error().message.find(c.expected), std::string::npos)
        << c.text << "\n  says: " << config.error().message << "\n  expected: " << c.expected;
  }
}

TEST(ParseWebConfig, DurationsAreGos) {
  struct Case {
    std::string_view text;
    std::chrono::nanoseconds expected;
  };
  const Case cases[] = {{"1s", 1s},        {"1500ms", 1'500ms}, {"1m30s", 90s}, {"1h", 1h},
                        {"1.5s", 1'500ms}, {"100us", 100us},    {"250", 250ns}, {"0", 0ns}};
  for (const Case& c : cases) {
    const auto config = parsed("rate_limit: {burst: 1, interval: " + std::string{c.text} + "}");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->rate_limit.interval, c.expected) << c.text;
  }
}

}  // namespace
}  // namespace kubecliff::http
