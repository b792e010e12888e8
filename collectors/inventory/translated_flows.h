// TranslatedFlows: flows that go to a Service, and to what was no endpoint of it when the Services
// were read, counted by Service and backend. They may be stale, or go to an endpoint that came
// after that look: stale_flows.h says which. Pure. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "collectors/conntrack/decode_flow.h"
#include "collectors/inventory/address.h"
#include "collectors/inventory/service_index.h"

namespace kubecliff::inventory {

struct TranslatedFlow {
  Address address = {};  // the Service's, as the client sees it
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
  Address backend = {};
  std::uint16_t backend_port = 0;
  std::uint64_t flows = 0;
};

class TranslatedFlows {
 public:
  // Pairs of a Service and a backend; some 8 MB.
  static constexpr std::size_t kMost = 65'536;

  // `before` is asked with every flow.
  explicit TranslatedFlows(const ServiceIndex& before) : before_{before} {}

  void add(const conntrack::Flow& flow);

  using ByEndpoint = std::unordered_map<std::uint64_t, TranslatedFlow>;
  [[nodiscard]] const ByEndpoint& all() const { return flows_; }
  // Some found no room.
  [[nodiscard]] bool overflowed() const { return overflowed_; }

 private:
  const ServiceIndex& before_;
  ByEndpoint flows_;
  bool overflowed_ = false;
};

}  // namespace kubecliff::inventory
