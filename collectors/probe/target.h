// Target: what is asked for, as the user names it. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/options.h"

namespace kubecliff::probe {

enum class Scheme : std::uint8_t { http, https, tcp };
enum class Host : std::uint8_t { address, name };

struct Url {
  Scheme scheme = Scheme::http;
  Host host = Host::address;
  std::string text;  // in full, as it was written

  friend bool operator==(const Url&, const Url&) = default;
};

// `http://HOST[:PORT][/PATH]`, the same with https, or `tcp://HOST:PORT`. HOST is a name, an IPv4
// address or an IPv6 address in brackets. Users and passwords have no place in it.
[[nodiscard]] std::optional<Url> parse_url(std::string_view text);

// The two ways to the same thing.
enum class Path : std::uint8_t { service, direct };
inline constexpr std::array kPaths{Path::service, Path::direct};

// The value of the label `path`.
constexpr std::string_view name(Path path) {
  return path == Path::service ? "service" : "direct";
}

struct Target {
  std::string name;
  std::array<std::optional<Url>, kPaths.size()> urls;  // at least one, in the order of kPaths
  std::int64_t status = 0;                             // the one that is expected
  Duration interval{};
  Duration timeout{};           // of each path, from its start to the end of its body
  std::int64_t most_bytes = 0;  // of a body
  std::string ca_file = {};     // empty: the system's CAs
  std::string cert_file = {};   // of the client; empty: none
  std::string key_file = {};    // empty: in `cert_file`
  bool insecure = false;        // certificates are not looked at

  friend bool operator==(const Target&, const Target&) = default;
};

// From one start to the next: the interval, give or take a tenth, so that nodes that began together
// do not go on asking together. `chance` is in [0, 1).
[[nodiscard]] Duration with_jitter(Duration interval, double chance);

// Each is a dozen series for each path and phase.
inline constexpr std::size_t kMostTargets = 8;

// The option `probe.targets`, and what a collector makes of it.
[[nodiscard]] const RecordSpec& target_record();
[[nodiscard]] std::vector<Target> targets_of(const Records& records);

// The Service of `kubecliff canary` as a target, where Kubernetes tells of it in the environment;
// named `canary`, asked for a connection. Nothing where the two are no address and port.
[[nodiscard]] std::optional<Target> canary_target(std::string_view host, std::string_view port);

}  // namespace kubecliff::probe
