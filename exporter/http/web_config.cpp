#include "exporter/http/web_config.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <fstream>
#include <future>
#include <iterator>
#include <mutex>
#include <set>
#include <system_error>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "exporter/http/basic_auth.h"
#include "exporter/http/contained.h"
#include "exporter/http/tls.h"

namespace kubecliff::http {
namespace {

constexpr unsigned kMostBcryptCost = 14;

template <typename Value>
struct Name {
  std::string_view name;
  Value value;
};

constexpr std::array kClientAuths = std::to_array<Name<ClientAuth>>({
    {"NoClientCert", ClientAuth::none},
    {"RequestClientCert", ClientAuth::request},
    {"RequireAnyClientCert", ClientAuth::require_any},
    {"RequireClientCert", ClientAuth::require_any},  // the toolkit's older word
    {"VerifyClientCertIfGiven", ClientAuth::verify_if_given},
    {"RequireAndVerifyClientCert", ClientAuth::require_and_verify},
});

constexpr std::array kVersions = std::to_array<Name<TlsVersion>>({
    {"TLS12", TlsVersion::tls12},
    {"TLS13", TlsVersion::tls13},
});

// What Go's tls.CipherSuites() lists, and OpenSSL's words for it.
constexpr std::array kCiphers = std::to_array<Name<std::string_view>>({
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
});

constexpr std::array kTls13Suites = std::to_array<Name<std::string_view>>({
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
    {"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
    {"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
});

constexpr std::array kCurves = std::to_array<Name<std::string_view>>({
    {"CurveP256", "P-256"},
    {"CurveP384", "P-384"},
    {"CurveP521", "P-521"},
    {"X25519", "X25519"},
});

// The values that a header may have; any where there are none.
constexpr std::array kHeaders = std::to_array<Name<std::array<std::string_view, 2>>>({
    {"Content-Security-Policy", {}},
    {"Strict-Transport-Security", {}},
    {"X-Content-Type-Options", {"nosniff", "nosniff"}},
    {"X-Frame-Options", {"deny", "sameorigin"}},
    {"X-XSS-Protection", {}},
});

template <typename Table>
const auto* find(const Table& table, std::string_view name) {
  const auto found = std::ranges::find(table, name, [](const auto& entry) { return entry.name; });
  return found == table.end() ? nullptr : &found->value;
}

template <typename Table>
std::string names(const Table& table) {
  std::string text;
  for (const auto& entry : table) {
    text.append(text.empty() ? "" : ", ").append(entry.name);
  }
  return text;
}

// yaml-cpp reports by exceptions that carry the line; so does this file, up to parse_web_config.
[[noreturn]] void refuse(const YAML::Node& at, std::string_view key, std::string_view expected) {
  throw YAML::RepresentationException(at.Mark(),
                                      std::string{key} + ": expected " + std::string{expected});
}

std::string text_of(const YAML::Node& node, std::string_view key) {
  if (!node.IsScalar()) {
    refuse(node, key, "a string");
  }
  return node.Scalar();
}

bool bool_of(const YAML::Node& node, std::string_view key) {
  bool value = false;
  if (!node.IsScalar() || !YAML::convert<bool>::decode(node, value)) {
    refuse(node, key, "true or false");
  }
  return value;
}

unsigned count_of(const YAML::Node& node, std::string_view key) {
  const std::string text = node.IsScalar() ? node.Scalar() : std::string{};
  unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  constexpr unsigned kMost = 1'000'000;
  if (read.ec != std::errc{} || read.ptr != end || value == 0 || value > kMost) {
    refuse(node, key, "a whole number from 1 to 1000000");
  }
  return value;
}

// As Go writes durations: "1s", "1m30s", "1.5h"; a bare number is nanoseconds.
std::chrono::nanoseconds duration_of(const YAML::Node& node, std::string_view key) {
  constexpr std::array kUnits = std::to_array<Name<double>>({
      {"ns", 1},
      {"us", 1e3},
      {"µs", 1e3},
      {"ms", 1e6},
      {"s", 1e9},
      {"m", 60e9},
      {"h", 3600e9},
  });
  constexpr std::string_view kExpected = "a duration, as in 1s, 250ms or 1m30s";
  const std::string text = node.IsScalar() ? node.Scalar() : std::string{};
  std::string_view rest = text;
  double total = 0;
  do {
    double number = 0;
    const auto read =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (read.ec != std::errc{} || !(number >= 0)) {
      refuse(node, key, kExpected);
    }
    rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
    const std::string_view unit = rest.substr(0, rest.find_first_of("0123456789."));
    rest.remove_prefix(unit.size());
    const double* scale = find(kUnits, unit);
    if (scale == nullptr && !(unit.empty() && rest.empty())) {
      refuse(node, key, kExpected);
    }
    total += number * (scale == nullptr ? 1 : *scale);
  } while (!rest.empty());
  constexpr double kHour = 3600e9;
  if (total > kHour) {
    refuse(node, key, "a duration of an hour or less");
  }
  return std::chrono::nanoseconds{static_cast<std::int64_t>(total)};
}

// Calls `take(key, value)` for each entry of a mapping. `take` says whether it knows the key. A
// mapping without entries may be left empty, as YAML's null.
template <typename Take>
void for_each_key(const YAML::Node& map, const std::string& path, Take take) {
  if (map.IsNull()) {
    return;
  }
  if (!map.IsMap()) {
    refuse(map, path.empty() ? "the file" : path, "keys and values");
  }
  std::set<std::string> seen;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) {
      refuse(entry.first, path.empty() ? "the file" : path, "keys that are strings");
    }
    const std::string& key = entry.first.Scalar();
    std::string full = path;
    full.append(path.empty() ? "" : ".").append(key);
    if (!seen.insert(key).second) {
      refuse(entry.first, full, "to be given once");
    }
    if (!take(key, full, entry.second)) {
      throw YAML::RepresentationException(entry.first.Mark(), full + ": no such key");
    }
  }
}

std::vector<std::string> list_of(const YAML::Node& list, const std::string& key) {
  std::vector<std::string> values;
  if (!list.IsSequence() && !list.IsNull()) {
    refuse(list, key, "a list of strings");
  }
  for (const YAML::Node& value : list) {
    values.push_back(text_of(value, key));
  }
  return values;
}

template <typename Table>
auto one_of(const YAML::Node& node, const std::string& key, const Table& table) {
  const auto* value = find(table, text_of(node, key));
  if (value == nullptr) {
    refuse(node, key, "one of " + names(table));
  }
  return *value;
}

void take_ciphers(const YAML::Node& list, const std::string& key, TlsConfig& tls) {
  for (const std::string& name : list_of(list, key)) {
    if (const auto* suite = find(kTls13Suites, name)) {
      tls.tls13_suites.emplace_back(*suite);
    } else if (const auto* cipher = find(kCiphers, name)) {
      tls.cipher_suites.emplace_back(*cipher);
    } else {
      refuse(list, key, "Go's names of cipher suites, and not " + name);
    }
  }
}

void check(const TlsConfig& tls, const YAML::Node& at, const std::string& key) {
  const auto refuse_if = [&](bool wrong, std::string_view expected) {
    if (wrong) {
      refuse(at, key, expected);
    }
  };
  const auto given_twice = [](const Pem& pem) { return !pem.file.empty() && !pem.text.empty(); };
  const bool verifies = tls.client_auth == ClientAuth::verify_if_given ||
                        tls.client_auth == ClientAuth::require_and_verify;
  const bool requires_one = tls.client_auth == ClientAuth::require_any ||
                            tls.client_auth == ClientAuth::require_and_verify;
  refuse_if(tls.certificate.empty(), "cert_file or cert");
  refuse_if(tls.key.empty(), "key_file or key");
  refuse_if(given_twice(tls.certificate) || given_twice(tls.key) || given_twice(tls.client_ca),
            "a file or its text, not both");
  refuse_if(tls.min_version > tls.max_version, "min_version not above max_version");
  refuse_if(!tls.client_ca.empty() && tls.client_auth == ClientAuth::none,
            "client_auth_type beside a client CA");
  refuse_if(tls.client_ca.empty() && verifies,
            "client_ca_file or client_ca, for client_auth_type verifies certificates");
  refuse_if(!tls.client_allowed_sans.empty() && !requires_one,
            "a client_auth_type that requires a certificate beside client_allowed_sans");
}

std::optional<TlsConfig> tls_of(const YAML::Node& map, const std::string& path,
                                const std::filesystem::path& directory) {
  TlsConfig tls;
  for_each_key(
      map, path, [&](const std::string& key, const std::string& full, const YAML::Node& value) {
        const auto file = [&] {
          const std::filesystem::path name = text_of(value, full);
          return name.empty() ? name : directory / name;
        };
        if (key == "cert_file") {
          tls.certificate.file = file();
        } else if (key == "cert") {
          tls.certificate.text = text_of(value, full);
        } else if (key == "key_file") {
          tls.key.file = file();
        } else if (key == "key") {
          tls.key.text = text_of(value, full);
        } else if (key == "client_ca_file") {
          tls.client_ca.file = file();
        } else if (key == "client_ca") {
          tls.client_ca.text = text_of(value, full);
        } else if (key == "client_auth_type") {
          tls.client_auth =
              text_of(value, full).empty() ? ClientAuth::none : one_of(value, full, kClientAuths);
        } else if (key == "client_allowed_sans") {
          tls.client_allowed_sans = list_of(value, full);
        } else if (key == "min_version") {
          tls.min_version = one_of(value, full, kVersions);
        } else if (key == "max_version") {
          tls.max_version = one_of(value, full, kVersions);
        } else if (key == "cipher_suites") {
          take_ciphers(value, full, tls);
        } else if (key == "prefer_server_cipher_suites") {
          tls.prefer_server_cipher_suites = bool_of(value, full);
        } else if (key == "curve_preferences") {
          for (const std::string& name : list_of(value, full)) {
            const auto* group = find(kCurves, name);
            if (group == nullptr) {
              refuse(value, full, "a list of " + names(kCurves) + ", and not " + name);
            }
            tls.groups.emplace_back(*group);
          }
        } else {
          return false;
        }
        return true;
      });
  // A section that asks for nothing is no TLS, as in the toolkit.
  if (tls.certificate.empty() && tls.key.empty() && tls.client_ca.empty() &&
      tls.client_auth == ClientAuth::none) {
    return std::nullopt;
  }
  check(tls, map, path);
  return tls;
}

std::vector<Header> headers_of(const YAML::Node& map, const std::string& path) {
  std::vector<Header> headers;
  for_each_key(
      map, path, [&](const std::string& key, const std::string& full, const YAML::Node& value) {
        const auto* allowed = find(kHeaders, key);
        if (allowed == nullptr) {
          return false;
        }
        const std::string text = value.IsNull() ? std::string{} : text_of(value, full);
        if (text.empty()) {
          return true;
        }
        if (!allowed->front().empty() && std::ranges::find(*allowed, text) == allowed->end()) {
          refuse(value, full, "nosniff" == allowed->front() ? "nosniff" : "deny or sameorigin");
        }
        // Anything below a space would end the header and begin another.
        if (std::ranges::any_of(text,
                                [](unsigned char byte) { return byte < ' ' || byte == 0x7F; })) {
          refuse(value, full, "one line of text");
        }
        headers.push_back({key, text});
        return true;
      });
  return headers;
}

Users users_of(const YAML::Node& map, const std::string& path) {
  Users users;
  for_each_key(map, path,
               [&](const std::string& key, const std::string& full, const YAML::Node& value) {
                 const std::string hash = text_of(value, full);
                 const auto cost = bcrypt_cost(hash);
                 if (key.empty() || key.find(':') != std::string::npos) {
                   refuse(value, full, "a user's name, without a colon");
                 }
                 if (!cost || *cost < 4 || *cost > kMostBcryptCost) {
                   refuse(value, full, "a bcrypt hash ($2y$…) of a cost from 4 to 14");
                 }
                 users.emplace(key, hash);
                 return true;
               });
  return users;
}

RateLimit rate_limit_of(const YAML::Node& map, const std::string& path) {
  RateLimit limit;
  for_each_key(map, path,
               [&](const std::string& key, const std::string& full, const YAML::Node& value) {
                 if (key == "interval") {
                   limit.interval = duration_of(value, full);
                 } else if (key == "burst") {
                   limit.burst = count_of(value, full);
                 } else {
                   return false;
                 }
                 return true;
               });
  if (limit.interval.count() > 0 && limit.burst == 0) {
    refuse(map, path, "burst beside interval");
  }
  return limit;
}

WebConfig config_of(const YAML::Node& root, const std::filesystem::path& directory) {
  WebConfig config;
  for_each_key(
      root, {}, [&](const std::string& key, const std::string& full, const YAML::Node& value) {
        if (key == "tls_server_config") {
          config.tls = tls_of(value, full, directory);
        } else if (key == "http_server_config") {
          for_each_key(
              value, full,
              [&](const std::string& name, const std::string& path, const YAML::Node& setting) {
                if (name == "http2") {
                  static_cast<void>(bool_of(setting, path));
                } else if (name == "headers") {
                  config.headers = headers_of(setting, path);
                } else {
                  return false;
                }
                return true;
              });
        } else if (key == "basic_auth_users") {
          config.users = users_of(value, full);
        } else if (key == "rate_limit") {
          config.rate_limit = rate_limit_of(value, full);
        } else {
          return false;
        }
        return true;
      });
  return config;
}

// What tells one state of a file from another without reading it.
struct Stamp {
  int error = 0;  // of stat(2); the rest is zero then
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::array<std::int64_t, 4> times = {};  // of content and of inode, seconds and nanoseconds

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

Stamp stamp_of(const std::filesystem::path& file) {
  struct stat status{};
  if (stat(file.c_str(), &status) != 0) {
    return {.error = errno};
  }
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .times = {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                    status.st_ctim.tv_nsec}};
}

struct WatchedFile {
  std::filesystem::path path;
  Stamp stamp;
};

struct Load {
  Result<std::shared_ptr<const LoadedWebConfig>> loaded;
  std::vector<WatchedFile> watched;  // all that was read, stamped before it was
};

Result<std::string> read_all(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) {
    return fail_errno(errno, "open " + path.string());
  }
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

Load load(const std::filesystem::path& path) {
  Load result{.loaded = nullptr, .watched = {{path, stamp_of(path)}}};
  auto text = read_all(path);
  if (!text) {
    result.loaded = std::unexpected(std::move(text.error()));
    return result;
  }
  auto config = parse_web_config(*text, path);
  if (!config) {
    result.loaded = std::unexpected(std::move(config.error()));
    return result;
  }

  auto loaded = std::make_shared<LoadedWebConfig>(LoadedWebConfig{.config = std::move(*config)});
  if (const auto& wanted = loaded->config.tls) {
    for (const Pem& pem : {wanted->certificate, wanted->key, wanted->client_ca}) {
      if (!pem.file.empty()) {
        result.watched.push_back({pem.file, stamp_of(pem.file)});
      }
    }
    auto tls = TlsContext::make(*wanted);
    if (!tls) {
      result.loaded = prefixed(path.string() + ": tls_server_config", std::move(tls.error()));
      return result;
    }
    loaded->tls = std::move(*tls);
  }
  result.loaded = std::move(loaded);
  return result;
}

}  // namespace

Result<WebConfig> parse_web_config(std::string_view text, const std::filesystem::path& file) {
  try {
    return config_of(YAML::Load(std::string{text}), file.parent_path());
  } catch (const YAML::Exception& error) {
    // Lines count from 0, and an exception without a place has -1.
    return fail(ErrorKind::malformed,
                file.string() + ':' + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
}

struct WebConfigFile::State {
  std::filesystem::path path;
  Report report;
  std::mutex mutex;  // guards the rest
  std::shared_ptr<const LoadedWebConfig> loaded;
  std::vector<WatchedFile> watched;

  [[nodiscard]] bool changed() const {
    return std::ranges::any_of(
        watched, [](const WatchedFile& file) { return stamp_of(file.path) != file.stamp; });
  }

  void reload() {
    // On a thread of its own: yaml-cpp recurses, and a server thread's stack is small.
    Load fresh = std::async(std::launch::async, load, path).get();
    watched = std::move(fresh.watched);
    if (fresh.loaded && ((*fresh.loaded)->tls != nullptr) != (loaded->tls != nullptr)) {
      fresh.loaded =
          fail(ErrorKind::unavailable,
               path.string() + ": tls_server_config was added or removed: this takes a restart");
    }
    if (fresh.loaded) {
      loaded = std::move(*fresh.loaded);
    } else if (report) {
      report(fresh.loaded.error());
    }
  }
};

WebConfigFile::WebConfigFile(std::unique_ptr<State> state) : state_{std::move(state)} {}
WebConfigFile::~WebConfigFile() = default;

Result<std::shared_ptr<WebConfigFile>> WebConfigFile::open(std::filesystem::path file,
                                                           Report report) {
  Load first = load(file);
  if (!first.loaded) {
    return std::unexpected(std::move(first.loaded.error()));
  }
  auto state = std::make_unique<State>();
  state->path = std::move(file);
  state->report = std::move(report);
  state->loaded = std::move(*first.loaded);
  state->watched = std::move(first.watched);
  return std::shared_ptr<WebConfigFile>{new WebConfigFile{std::move(state)}};
}

std::shared_ptr<const LoadedWebConfig> WebConfigFile::current() {
  const std::lock_guard lock{state_->mutex};
  if (state_->changed()) {
    // Where there is no thread or no memory, the next request tries again.
    contained([&] { state_->reload(); });
  }
  return state_->loaded;
}

}  // namespace kubecliff::http
