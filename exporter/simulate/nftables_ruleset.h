// Rulesets in the shape that kube-proxy's nftables mode gives a node, as scripts for `nft -f`, of
// any size, together with the figures they must yield.
//
//   NftablesRuleset ruleset{plain(100, 5), KubeProxyShape::from_1_36};
//   input of nft -f -:          ruleset.script()
//   of another then:            ruleset.add_service()     // one transaction of kube-proxy's
//   what is there after both:   ruleset.expected()
//
// The shape's Comments have no meaning here. Deterministic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "exporter/simulate/services.h"

namespace kubecliff::simulate {

// Which of its releases wrote it.
enum class KubeProxyShape : std::uint8_t {
  up_to_1_35,  // a chain for each endpoint, and a chain that marks what is to be masqueraded
  from_1_36,   // endpoints in the map of one rule, but for those of Services with session affinity
};

struct NftablesFigures {
  std::int64_t rules = 0;
  std::int64_t chains = 0;
  std::int64_t sets = 0;                              // with a name
  std::int64_t maps = 0;                              // with a name
  std::map<std::string, std::int64_t> elements = {};  // by the fixed names
  std::int64_t services = 0;                          // with endpoints
  std::int64_t endpoints = 0;

  friend bool operator==(const NftablesFigures&, const NftablesFigures&) = default;
};

class NftablesRuleset {
 public:
  NftablesRuleset(const RulesetShape& shape, KubeProxyShape release);

  // Everything: replaces the table `kube-proxy` of the shape's family.
  [[nodiscard]] std::string script() const;

  // Adds the Service that the shape would have next; removes the one at `index` of services();
  // gives it another number of endpoints. What they return is kube-proxy's transaction for that
  // change alone.
  [[nodiscard]] std::string add_service();
  [[nodiscard]] std::string remove_service(std::size_t index);
  [[nodiscard]] std::string scale_service(std::size_t index, int endpoints);

  [[nodiscard]] NftablesFigures expected() const;
  [[nodiscard]] std::span<const Service> services() const { return services_; }

 private:
  RulesetShape shape_;
  KubeProxyShape release_;
  int next_number_ = 0;
  std::vector<Service> services_;
};

}  // namespace kubecliff::simulate
