// The file of --web.config.file, in the format of Prometheus' exporter-toolkit: TLS, client
// certificates, users, response headers, rate limit.
//
// Where this server differs from the toolkit it says so instead of guessing:
//  - `http2` is accepted and has no effect: only HTTP/1.1 is spoken;
//  - TLS10 and TLS11 are refused, for OpenSSL 3 does not speak them at its usual security level;
//  - a policy that verifies client certificates needs a client CA: there is no falling back on the
//    system's;
//  - bcrypt costs above 14 are refused: one check would take longer than a stop may;
//  - adding or removing TLS needs a restart; everything else applies from the next request on.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "exporter/http/message.h"

namespace kubecliff::http {

enum class ClientAuth : std::uint8_t {
  none,
  request,            // asked for, never checked
  require_any,        // required, never checked
  verify_if_given,    // checked against the client CA where there is one
  require_and_verify  // required and checked
};

enum class TlsVersion : std::uint8_t { tls12, tls13 };

// A certificate, key or CA: the path of a PEM file, or the PEM text itself.
struct Pem {
  std::filesystem::path file = {};
  std::string text = {};

  [[nodiscard]] bool empty() const { return file.empty() && text.empty(); }
  friend bool operator==(const Pem&, const Pem&) = default;
};

struct TlsConfig {
  Pem certificate;
  Pem key;
  Pem client_ca;
  ClientAuth client_auth = ClientAuth::none;
  std::vector<std::string> client_allowed_sans;
  TlsVersion min_version = TlsVersion::tls12;
  TlsVersion max_version = TlsVersion::tls13;
  std::vector<std::string>
      cipher_suites;                      // up to TLS 1.2, OpenSSL's names; empty: OpenSSL's choice
  std::vector<std::string> tls13_suites;  // likewise
  bool prefer_server_cipher_suites = true;
  std::vector<std::string> groups;  // OpenSSL's names, most wanted first

  friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

// Zero interval: no limit.
struct RateLimit {
  std::chrono::nanoseconds interval{0};
  unsigned burst = 0;

  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

using Users = std::map<std::string, std::string, std::less<>>;  // name to bcrypt hash

struct WebConfig {
  std::optional<TlsConfig> tls = {};
  std::vector<Header> headers = {};
  Users users = {};
  RateLimit rate_limit = {};

  friend bool operator==(const WebConfig&, const WebConfig&) = default;
};

// Pure: opens none of the files that the text names. `file` is what errors are told about, and what
// relative paths are relative to. Malformed: "<file>:<line>: <key>: expected <what>".
[[nodiscard]] Result<WebConfig> parse_web_config(std::string_view text,
                                                 const std::filesystem::path& file);

class TlsContext;  // exporter/http/tls.h

// One state of the file and of the certificates that it names. Immutable.
struct LoadedWebConfig {
  WebConfig config = {};
  std::shared_ptr<const TlsContext> tls = {};  // null without TLS
};

// The file as it is now. current() costs a stat(2) per file and reads again what has changed; a
// change that cannot be used is reported once and leaves what was there in force. Thread-safe.
class WebConfigFile {
 public:
  // Told about every change of the files that could not be used, once; from any server thread.
  using Report = std::function<void(const Error&)>;

  [[nodiscard]] static Result<std::shared_ptr<WebConfigFile>> open(std::filesystem::path file,
                                                                   Report report = {});
  WebConfigFile(const WebConfigFile&) = delete;
  WebConfigFile& operator=(const WebConfigFile&) = delete;
  ~WebConfigFile();

  // Never null.
  [[nodiscard]] std::shared_ptr<const LoadedWebConfig> current();

 private:
  struct State;
  explicit WebConfigFile(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace kubecliff::http
