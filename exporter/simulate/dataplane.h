// Dataplane: one backend's state for so many Services, as input of the node's tools and as what the
// kernel must then hold.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectors/core/result.h"
#include "exporter/simulate/backend.h"
#include "exporter/simulate/services.h"

namespace kubecliff::simulate {

// What the kernel holds, of the kind that the backend has.
struct Size {
  std::int64_t rules = 0;  // nat rules; of nftables all rules, of IPVS virtual and real servers
  std::optional<std::int64_t> worst_case_walk = {};  // iptables: rules that a new flow passes
};

class Dataplane {
 public:
  Dataplane() = default;
  Dataplane(const Dataplane&) = delete;
  Dataplane& operator=(const Dataplane&) = delete;
  virtual ~Dataplane() = default;

  // Everything, into an empty namespace, as kube-proxy does when it starts.
  [[nodiscard]] virtual std::string full() const = 0;
  [[nodiscard]] virtual std::vector<std::string> full_command() const = 0;

  // One Service more, or, after that, that Service less: what kube-proxy writes of such a change.
  [[nodiscard]] virtual std::string add() = 0;
  [[nodiscard]] virtual std::string remove() = 0;
  [[nodiscard]] virtual std::vector<std::string> update_command() const = 0;

  // Lists everything on standard output.
  [[nodiscard]] virtual std::vector<std::string> list_command() const = 0;

  // Reads the kernel by kubecliff's own reader, as its collector does after a change of everything.
  // An error that says what is there and what should be, where it is not what was written.
  [[nodiscard]] virtual Result<void> verify() const = 0;

  [[nodiscard]] virtual Size size() const = 0;
  [[nodiscard]] virtual std::span<const Service> services() const = 0;
};

// The odd ones of the Services are of UDP, the even ones of TCP.
[[nodiscard]] std::unique_ptr<Dataplane> make_dataplane(Backend backend, Tools tools, int services,
                                                        int endpoints);

}  // namespace kubecliff::simulate
