// Virtual servers as kube-proxy's IPVS mode makes them, as text for `ipvsadm -R`, of any size.
// Deterministic. Services without endpoints are not meant.
//
// Left out is what does not grow with each Service's rules: kube-proxy's few iptables rules, and
// its ipsets and addresses of kube-ipvs0, of which it writes one each a Service by other tools.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "exporter/simulate/services.h"

namespace kubecliff::simulate {

struct IpvsFigures {
  std::int64_t virtual_servers = 0;
  std::int64_t real_servers = 0;

  friend bool operator==(const IpvsFigures&, const IpvsFigures&) = default;
};

class IpvsRuleset {
 public:
  explicit IpvsRuleset(const RulesetShape& shape);

  // Everything, on top of nothing.
  [[nodiscard]] std::string restore_input() const;

  // Adds the Service that the shape would have next; removes the one at `index` of services().
  [[nodiscard]] std::string add_service();
  [[nodiscard]] std::string remove_service(std::size_t index);

  [[nodiscard]] IpvsFigures expected() const;
  [[nodiscard]] std::span<const Service> services() const { return services_; }

 private:
  RulesetShape shape_;
  int next_number_ = 0;
  std::vector<Service> services_;
};

}  // namespace kubecliff::simulate
