// A Service as a test sees it: in texts, and what the tools say of it likewise.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <string>

#include "collectors/inventory/services.h"
#include "tests/support/backend.h"

namespace kubecliff::inventory {

struct SeenService {
  std::string protocol;                                 // "tcp"
  std::set<std::string> addresses = {};                 // "10.96.0.1:80", "*:30080"
  std::map<std::string, std::uint64_t> endpoints = {};  // "10.0.0.1:8080", and its packets
  std::uint64_t rules = 0;
  std::optional<std::uint64_t> packets = {};
  bool affinity = false;

  friend bool operator==(const SeenService&, const SeenService&) = default;
};
std::ostream& operator<<(std::ostream& out, const SeenService& service);

// By name; where there is none by protocol and address.
using SeenServices = std::map<std::string, SeenService>;

// Of that dataplane and family. Expects that nothing was missed, and what all Services have in
// common.
[[nodiscard]] SeenServices seen(const Services& services, Dataplane dataplane, test::Family family);

}  // namespace kubecliff::inventory
