#include "exporter/alerting/delivery/config.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <set>
#include <span>
#include <utility>

#include "exporter/config/config_file.h"
#include "exporter/config/values.h"

namespace kubecliff::delivery {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLeastInterval = 1s;
constexpr Duration kMostInterval = 1min;  // ranges of 5 m are to hold some samples
constexpr Duration kLeastTimeout = 1s;
constexpr Duration kMostTimeout = 1min;
constexpr Duration kMostSpread = 10min;

// A key of a map, by what it sets.
template <typename T>
struct Key {
  std::string_view name;
  std::string_view expected;
  bool (*store)(T& out, const std::string& text);
  // Whether what was written there by mistake may be a secret.
  bool secret = false;
};

bool is_url(std::string_view text) {
  const std::size_t scheme = text.starts_with("https://") ? 8 : 7;
  const std::string_view rest = text.substr(std::min(scheme, text.size()));
  const std::string_view host = rest.substr(0, rest.find('/'));
  return (text.starts_with("https://") || text.starts_with("http://")) && !host.empty() &&
         !host.contains('@') && std::ranges::all_of(text, [](char byte) {
           return byte > ' ' && byte < '\x7F' && byte != '#';
         });
}

std::string without_slash(std::string text) {
  while (text.ends_with('/')) {
    text.pop_back();
  }
  return text;
}

bool store_url(Endpoint& out, const std::string& text) {
  out.url = text;
  return is_url(text);
}

// One to which paths are added.
bool store_base_url(Endpoint& out, const std::string& text) {
  out.url = without_slash(text);
  return is_url(text) && !text.contains('?');
}

bool store_file(std::filesystem::path& out, const std::string& text) {
  out = text;
  return !text.empty();
}

bool store_severity(Severity& out, const std::string& text) {
  const auto severity = parse_severity(text);
  out = severity.value_or(out);
  return severity.has_value();
}

bool store_duration(Duration& out, const std::string& text, Duration least, Duration most) {
  const auto parsed = parse_duration(text);
  if (!parsed || *parsed < least || *parsed > most) {
    return false;
  }
  out = *parsed;
  return true;
}

constexpr std::string_view kExpectedUrl =
    "http://HOST[:PORT] or https://HOST[:PORT], without user and password";
constexpr std::string_view kExpectedFile = "a file";
constexpr std::string_view kExpectedSeverity = "info, warning or critical";

constexpr Key<Endpoint> kCaFile{.name = "ca-file",
                                .expected = kExpectedFile,
                                .store = [](Endpoint& out, const std::string& text) {
                                  out.ca_file = text;
                                  return !text.empty();
                                }};
constexpr Key<Endpoint> kTokenFile{.name = "token-file",
                                   .expected = kExpectedFile,
                                   .store = [](Endpoint& out, const std::string& text) {
                                     return store_file(out.token.file, text);
                                   }};
constexpr Key<Endpoint> kTimeout{.name = "timeout",
                                 .expected = "a duration from 1s to 1m",
                                 .store = [](Endpoint& out, const std::string& text) {
                                   return store_duration(out.timeout, text, kLeastTimeout,
                                                         kMostTimeout);
                                 }};

constexpr std::array kAlertmanagerKeys{
    Key<Endpoint>{
        .name = "url", .expected = kExpectedUrl, .store = &store_base_url, .secret = true},
    kCaFile,
    Key<Endpoint>{.name = "username",
                  .expected = "a name without a colon",
                  .store =
                      [](Endpoint& out, const std::string& text) {
                        out.username = text;
                        return !text.empty() && !text.contains(':');
                      }},
    Key<Endpoint>{
        .name = "password-file",
        .expected = kExpectedFile,
        .store = [](Endpoint& out,
                    const std::string& text) { return store_file(out.password.file, text); }},
    kTokenFile,
    kTimeout,
};

constexpr std::array kWebhookEndpointKeys{
    Key<Endpoint>{.name = "url", .expected = kExpectedUrl, .store = &store_url, .secret = true},
    Key<Endpoint>{
        .name = "url-file",
        .expected = kExpectedFile,
        .store = [](Endpoint& out,
                    const std::string& text) { return store_file(out.secret_url.file, text); },
        .secret = true},
    kCaFile,
    kTokenFile,
    kTimeout,
};

// A key of an endpoint as one of what holds it.
template <typename T, const auto& Keys, std::size_t Index>
constexpr Key<T> of_endpoint() {
  return {.name = Keys[Index].name,
          .expected = Keys[Index].expected,
          .store = [](T& out,
                      const std::string& text) { return Keys[Index].store(out.endpoint, text); },
          .secret = Keys[Index].secret};
}

constexpr std::array kWebhookKeys{
    of_endpoint<WebhookConfig, kWebhookEndpointKeys, 0>(),
    of_endpoint<WebhookConfig, kWebhookEndpointKeys, 1>(),
    of_endpoint<WebhookConfig, kWebhookEndpointKeys, 2>(),
    of_endpoint<WebhookConfig, kWebhookEndpointKeys, 3>(),
    of_endpoint<WebhookConfig, kWebhookEndpointKeys, 4>(),
    Key<WebhookConfig>{
        .name = "severity",
        .expected = kExpectedSeverity,
        .store = [](WebhookConfig& out,
                    const std::string& text) { return store_severity(out.severity, text); }},
};

constexpr std::array kPagerDutyKeys{
    Key<PagerDutyConfig>{.name = "routing-key-file",
                         .expected = kExpectedFile,
                         .store =
                             [](PagerDutyConfig& out, const std::string& text) {
                               return store_file(out.endpoint.routing_key.file, text);
                             },
                         .secret = true},
    Key<PagerDutyConfig>{.name = "routing-key-env",
                         .expected = "the name of a variable of the environment",
                         .store =
                             [](PagerDutyConfig& out, const std::string& text) {
                               out.endpoint.routing_key.variable = text;
                               return !text.empty() && !text.contains('=');
                             },
                         .secret = true},
    Key<PagerDutyConfig>{
        .name = "url",
        .expected = kExpectedUrl,
        .store = [](PagerDutyConfig& out,
                    const std::string& text) { return store_base_url(out.endpoint, text); },
        .secret = true},
    Key<PagerDutyConfig>{.name = "when",
                         .expected = "fallback or always",
                         .store =
                             [](PagerDutyConfig& out, const std::string& text) {
                               out.when = text == "always" ? PagerDutyConfig::When::always
                                                           : PagerDutyConfig::When::fallback;
                               return text == "always" || text == "fallback";
                             }},
    Key<PagerDutyConfig>{
        .name = "severity",
        .expected = kExpectedSeverity,
        .store = [](PagerDutyConfig& out,
                    const std::string& text) { return store_severity(out.severity, text); }},
    Key<PagerDutyConfig>{.name = "rate-limit",
                         .expected = "events a minute, from 1 to 120",
                         .store =
                             [](PagerDutyConfig& out, const std::string& text) {
                               out.rate_limit = parse_integer(text).value_or(0);
                               return out.rate_limit >= 1 && out.rate_limit <= 120;
                             }},
    Key<PagerDutyConfig>{.name = "spread",
                         .expected = "a duration of at most 10m",
                         .store =
                             [](PagerDutyConfig& out, const std::string& text) {
                               return store_duration(out.spread, text, 0s, kMostSpread);
                             }},
    Key<PagerDutyConfig>{
        .name = "ca-file",
        .expected = kExpectedFile,
        .store = [](PagerDutyConfig& out,
                    const std::string& text) { return kCaFile.store(out.endpoint, text); }},
    Key<PagerDutyConfig>{
        .name = "timeout",
        .expected = kTimeout.expected,
        .store = [](PagerDutyConfig& out,
                    const std::string& text) { return kTimeout.store(out.endpoint, text); }},
};

constexpr std::array kProgramKeys{
    Key<DeliveryConfig>{.name = "interval",
                        .expected = "a duration from 1s to 1m",
                        .store =
                            [](DeliveryConfig& out, const std::string& text) {
                              return store_duration(out.interval, text, kLeastInterval,
                                                    kMostInterval);
                            }},
    Key<DeliveryConfig>{
        .name = "state-file",
        .expected = kExpectedFile,
        .store = [](DeliveryConfig& out,
                    const std::string& text) { return store_file(out.state_file, text); }},
};

constexpr std::string_view kLabels = "labels.";
constexpr std::string_view kPagerDuty = "pagerduty.";
constexpr std::string_view kAlertmanagers = "alertmanagers";
constexpr std::string_view kWebhooks = "webhooks";

// As Prometheus has them; those that begin with two underscores are its own.
bool is_label_name(std::string_view text) {
  const auto fits = [](char byte) {
    return std::isalnum(static_cast<unsigned char>(byte)) != 0 || byte == '_';
  };
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
         !text.starts_with("__") && std::ranges::all_of(text, fits);
}

std::string unknown(std::string_view key, std::span<const std::string_view> known) {
  std::string words{key};
  words += ": expected a key that docs/alerting.md lists, got an unknown one";
  if (const auto near = closest(key, known)) {
    words.append("; did you mean ").append(*near).append("?");
  }
  return words;
}

// Reads one file, entry by entry; each function returns what is wrong, or nothing.
class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_{environment} {}

  std::string take(const FileEntry& entry) {
    if (entry.key == kAlertmanagers) {
      return take_record(entry, kAlertmanagerKeys, config_.alertmanagers);
    }
    if (entry.key == kWebhooks) {
      return take_record(entry, kWebhookKeys, config_.webhooks);
    }
    if (entry.key.starts_with(kLabels)) {
      return take_label(entry);
    }
    if (entry.key.starts_with(kPagerDuty)) {
      pagerduty_line_ = pagerduty_line_ == 0 ? entry.line : pagerduty_line_;
      if (!config_.pagerduty) {
        config_.pagerduty.emplace();
      }
      return take_value(entry, entry.key.substr(kPagerDuty.size()), kPagerDutyKeys,
                        *config_.pagerduty);
    }
    return take_value(entry, entry.key, kProgramKeys, config_);
  }

  // What can be said only at the end, with its line.
  [[nodiscard]] std::pair<int, std::string> missing() const {
    if (config_.pagerduty) {
      const Secret& key = config_.pagerduty->endpoint.routing_key;
      if (key.file.empty() == key.variable.empty()) {
        return {pagerduty_line_,
                "pagerduty: expected one of routing-key-file and routing-key-env, got " +
                    std::string{key.given() ? "both" : "neither"}};
      }
      if (!key.variable.empty() && !environment_(key.variable)) {
        return {pagerduty_line_,
                "pagerduty.routing-key-env: expected a variable of the environment, got one that "
                "is not set"};
      }
    }
    return {};
  }

  [[nodiscard]] DeliveryConfig config() && { return std::move(config_); }

 private:
  // With what `${NAME}` stands for; an error's words in `wrong`.
  std::string expand(std::string_view text, std::string& wrong) const {
    std::string out;
    while (!text.empty()) {
      const std::size_t begin = text.find("${");
      const std::size_t end = begin == std::string_view::npos ? begin : text.find('}', begin);
      if (end == std::string_view::npos) {
        return out.append(text);
      }
      const std::string variable{text.substr(begin + 2, end - begin - 2)};
      const auto value = environment_(variable);
      if (!value) {
        wrong = "expected variables of the environment, got ${" + variable + "}, which is not set";
        return out;
      }
      out.append(text.substr(0, begin)).append(*value);
      text.remove_prefix(end + 1);
    }
    return out;
  }

  template <typename T, std::size_t N>
  std::string store(std::string_view key, const std::string& path, std::string_view text,
                    const std::array<Key<T>, N>& keys, T& out) const {
    const auto* const found = std::ranges::find(keys, key, &Key<T>::name);
    if (found == keys.end()) {
      std::vector<std::string> paths;
      paths.reserve(keys.size());
      const std::string prefix = path.substr(0, path.size() - key.size());
      paths.reserve(keys.size());
      for (const Key<T>& known : keys) {
        paths.push_back(prefix + std::string{known.name});
      }
      std::vector<std::string_view> known{paths.begin(), paths.end()};
      if (prefix.empty()) {
        known.insert(known.end(), {"labels", "pagerduty", kAlertmanagers, kWebhooks});
      }
      return unknown(path, known);
    }
    std::string wrong;
    const std::string value = expand(text, wrong);
    if (!wrong.empty()) {
      return path + ": " + wrong;
    }
    if (!found->store(out, value)) {
      return path + ": expected " + std::string{found->expected} + ", got " +
             (found->secret ? "something else" : '"' + value + '"');
    }
    return {};
  }

  template <typename T, std::size_t N>
  std::string take_value(const FileEntry& entry, std::string_view key,
                         const std::array<Key<T>, N>& keys, T& out) const {
    if (entry.form == FileEntry::Form::scalar) {
      return store(key, entry.key, entry.values.front(), keys, out);
    }
    // An unknown key is told first.
    const auto* const found = std::ranges::find(keys, key, &Key<T>::name);
    if (found == keys.end() && entry.key != "labels" && entry.key != "pagerduty") {
      T unused = out;
      return store(key, entry.key, "", keys, unused);
    }
    return entry.key + ": expected " +
           (found == keys.end() ? "a map" : std::string{found->expected}) + ", got " +
           (entry.form == FileEntry::Form::other ? "nothing" : "a list");
  }

  template <typename T, std::size_t N>
  std::string take_record(const FileEntry& entry, const std::array<Key<T>, N>& keys,
                          std::vector<T>& out) const {
    if (entry.form != FileEntry::Form::record) {
      const bool none = entry.form == FileEntry::Form::list && entry.values.empty();
      return none ? "" : entry.key + ": expected a list of maps, got something else";
    }
    if (out.size() == kMostReceivers) {
      return entry.key + ": expected at most " + std::to_string(kMostReceivers) + ", got more";
    }
    T made;
    std::set<std::string_view> seen;
    for (const auto& [key, text] : entry.fields) {
      const std::string path = entry.key + "." + key;
      if (!seen.insert(key).second) {
        return path + ": expected once, got it twice";
      }
      if (std::string wrong = store(key, path, text, keys, made); !wrong.empty()) {
        return wrong;
      }
    }
    if (std::string wrong = incomplete(entry.key, made); !wrong.empty()) {
      return wrong;
    }
    out.push_back(std::move(made));
    return {};
  }

  static std::string incomplete(const std::string& key, const Endpoint& alertmanager) {
    if (alertmanager.url.empty()) {
      return key + ".url: expected " + std::string{kExpectedUrl} + ", got nothing";
    }
    if (alertmanager.username.empty() != !alertmanager.password.given()) {
      return key + ": expected username and password-file together, got one of them";
    }
    if (!alertmanager.username.empty() && alertmanager.token.given()) {
      return key + ": expected one of username and token-file, got both";
    }
    return {};
  }

  static std::string incomplete(const std::string& key, const WebhookConfig& webhook) {
    if (webhook.endpoint.url.empty() == !webhook.endpoint.secret_url.given()) {
      return key + ": expected one of url and url-file, got " +
             (webhook.endpoint.url.empty() ? "neither" : "both");
    }
    return {};
  }

  std::string take_label(const FileEntry& entry) {
    const std::string label = entry.key.substr(kLabels.size());
    if (!is_label_name(label) || label == "alertname" || label == "severity") {
      return entry.key +
             ": expected the name of a label other than alertname and severity, got \"" + label +
             "\"";
    }
    if (entry.form != FileEntry::Form::scalar) {
      return entry.key + ": expected a text, got " +
             (entry.form == FileEntry::Form::other ? "nothing" : "a list");
    }
    std::string wrong;
    std::string value = expand(entry.values.front(), wrong);
    if (!wrong.empty()) {
      return entry.key + ": " + wrong;
    }
    if (value.empty()) {
      return entry.key + ": expected a text, got nothing";
    }
    config_.labels.emplace(label, std::move(value));
    return {};
  }

  const Environment& environment_;
  DeliveryConfig config_;
  int pagerduty_line_ = 0;
};

template <typename Visit>
Result<DeliveryConfig> read_config(const std::string& name, const Environment& environment,
                                   Visit visit) {
  Reader reader{environment};
  if (auto visited = visit([&](const FileEntry& entry) { return reader.take(entry); }); !visited) {
    return std::unexpected(visited.error());
  }
  if (const auto [line, words] = reader.missing(); !words.empty()) {
    return fail(ErrorKind::malformed, name + ":" + std::to_string(line) + ": " + words);
  }
  return std::move(reader).config();
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
  };
}

Result<DeliveryConfig> load_delivery_config(const std::filesystem::path& file,
                                            const Environment& environment) {
  return read_config(file.string(), environment,
                     [&](const EntryVisitor& visit) { return visit_config_file(file, visit); });
}

Result<DeliveryConfig> parse_delivery_config(std::string_view text, std::string_view name,
                                             const Environment& environment) {
  return read_config(std::string{name}, environment, [&](const EntryVisitor& visit) {
    return visit_config_text(text, name, visit);
  });
}

}  // namespace kubecliff::delivery
