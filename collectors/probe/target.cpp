#include "collectors/probe/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "collectors/kernel/procfs.h"

namespace kubecliff::probe {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLongestName = 40;

constexpr std::array<std::pair<std::string_view, Scheme>, 3> kSchemes{
    {{"http://", Scheme::http}, {"https://", Scheme::https}, {"tcp://", Scheme::tcp}}};

bool is_alphanumeric(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9');
}

// What the values of labels are made of.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, [](char byte) {
    return is_alphanumeric(byte) || byte == '-' || byte == '_' || byte == '.';
  });
}

bool is_host_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char byte) {
    return is_alphanumeric(byte) || byte == '-' || byte == '_' || byte == '.';
  });
}

bool is_url_or_nothing(std::string_view text) {
  return text.empty() || parse_url(text).has_value();
}

std::optional<Host> parse_host(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) {
    in6_addr address{};
    const std::string inner{text.substr(1, text.size() - 2)};
    return ::inet_pton(AF_INET6, inner.c_str(), &address) == 1 ? std::optional{Host::address}
                                                               : std::nullopt;
  }
  in_addr address{};
  if (::inet_pton(AF_INET, std::string{text}.c_str(), &address) == 1) {
    return Host::address;
  }
  return is_host_name(text) ? std::optional{Host::name} : std::nullopt;
}

constexpr std::string_view kUrlExpected =
    "http://HOST[:PORT][/PATH], https://HOST[:PORT][/PATH] or tcp://HOST:PORT, without a user";

const std::array target_fields{
    OptionSpec{.name = "name",
               .default_value = std::string{},
               .help = "its name, the label `target`",
               .accepts = is_name,
               .expected = "at most 40 letters, digits, dots, dashes and underscores"},
    OptionSpec{.name = "service",
               .default_value = std::string{},
               .help = "URL by way of the Service: http, https, or tcp://HOST:PORT",
               .accepts = is_url_or_nothing,
               .expected = kUrlExpected},
    OptionSpec{.name = "direct",
               .default_value = std::string{},
               .help = "URL of one of its endpoints, asked right after",
               .accepts = is_url_or_nothing,
               .expected = kUrlExpected},
    OptionSpec{.name = "status",
               .default_value = std::int64_t{200},
               .help = "HTTP status that is expected; redirects are not followed",
               .least = 100},
    OptionSpec{.name = "interval",
               .default_value = Duration{15s},
               .help = "from one time to the next, give or take a tenth",
               .least = 1},
    OptionSpec{.name = "timeout",
               .default_value = Duration{5s},
               .help = "for each of the two",
               .least = 0.1},
    OptionSpec{.name = "most-bytes",
               .default_value = std::int64_t{1} << 20U,
               .help = "longest body that is read"},
    OptionSpec{
        .name = "ca-file", .default_value = std::string{}, .help = "CAs in place of the system's"},
    OptionSpec{.name = "cert-file", .default_value = std::string{}, .help = "client certificate"},
    OptionSpec{.name = "key-file", .default_value = std::string{}, .help = "its key"},
    OptionSpec{
        .name = "insecure", .default_value = false, .help = "whether any certificate will do"},
};

std::string wrong_target(std::span<const Options> records) {
  const auto text = [](const Options& record, std::string_view field) -> const std::string& {
    return record.get<std::string>(field);
  };
  const Options& last = records.back();
  const std::string& name = text(last, "name");
  if (name.empty()) {
    return "expected a name for each target, got none";
  }
  if (text(last, "service").empty() && text(last, "direct").empty()) {
    return "expected a service or direct URL, or both, for " + name + ", got none";
  }
  if (last.get<std::int64_t>("status") > 599) {
    return "status: expected at most 599, got \"" +
           std::to_string(last.get<std::int64_t>("status")) + "\"";
  }
  const auto same = [&](const Options& record) { return text(record, "name") == name; };
  if (std::ranges::count_if(records, same) > 1) {
    return "expected each name once, got \"" + name + "\" twice";
  }
  if (records.size() > kMostTargets) {
    return "expected at most " + std::to_string(kMostTargets) + " targets, got more";
  }
  return {};
}

}  // namespace

std::optional<Url> parse_url(std::string_view text) {
  const auto* const scheme = std::ranges::find_if(
      kSchemes, [text](const auto& known) { return text.starts_with(known.first); });
  const bool plain =
      std::ranges::all_of(text, [](char byte) { return byte > ' ' && byte < '\x7F'; });
  if (scheme == kSchemes.end() || !plain) {
    return std::nullopt;
  }
  const std::string_view rest = text.substr(scheme->first.size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const auto host = parse_host(authority.substr(0, colon));
  if (!host) {
    return std::nullopt;
  }
  if (colon != std::string_view::npos) {
    const auto port = parse_number<std::uint16_t>(authority.substr(colon + 1));
    if (!port || *port == 0) {
      return std::nullopt;
    }
  }
  if (scheme->second == Scheme::tcp &&
      (colon == std::string_view::npos || authority.size() != rest.size())) {
    return std::nullopt;
  }
  return Url{.scheme = scheme->second, .host = *host, .text = std::string{text}};
}

Duration with_jitter(Duration interval, double chance) {
  return std::chrono::duration_cast<Duration>(interval * (0.9 + 0.2 * chance));
}

const RecordSpec& target_record() {
  static const RecordSpec spec{.fields = target_fields, .wrong = wrong_target};
  return spec;
}

std::vector<Target> targets_of(const Records& records) {
  std::vector<Target> targets;
  std::ranges::transform(records, std::back_inserter(targets), [](const Options& record) {
    return Target{.name = record.get<std::string>("name"),
                  .urls = {parse_url(record.get<std::string>("service")),
                           parse_url(record.get<std::string>("direct"))},
                  .status = record.get<std::int64_t>("status"),
                  .interval = record.get<Duration>("interval"),
                  .timeout = record.get<Duration>("timeout"),
                  .most_bytes = record.get<std::int64_t>("most-bytes"),
                  .ca_file = record.get<std::string>("ca-file"),
                  .cert_file = record.get<std::string>("cert-file"),
                  .key_file = record.get<std::string>("key-file"),
                  .insecure = record.get<bool>("insecure")};
  });
  return targets;
}

std::optional<Target> canary_target(std::string_view host, std::string_view port) {
  const bool ipv6 = host.find(':') != std::string_view::npos;
  std::string text = ipv6 ? "tcp://[" : "tcp://";
  text.append(host).append(ipv6 ? "]:" : ":").append(port);
  auto url = parse_url(text);
  if (host.empty() || !url) {
    return std::nullopt;
  }
  return Target{.name = "canary",
                .urls = {std::move(url), std::nullopt},
                .interval = std::chrono::seconds{15},
                .timeout = std::chrono::seconds{5}};
}

}  // namespace kubecliff::probe
