// ServerKeys: virtual and real servers as ServiceEndpoints has them, collected in one reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "collectors/core/service_endpoints.h"

namespace kubecliff::ipvs {

class ServerKeys {
 public:
  void add_service(std::uint64_t key) { add(key, services_); }
  // A real server that drains has connections still: it is an endpoint like any other.
  void add_endpoint(std::uint64_t key) { add(key, endpoints_); }

  [[nodiscard]] const std::vector<std::uint64_t>& services() const { return services_; }
  [[nodiscard]] const std::vector<std::uint64_t>& endpoints() const { return endpoints_; }

  // In whatever order.
  friend bool operator==(const ServerKeys& one, const ServerKeys& other) {
    return one.services_.size() == other.services_.size() &&
           one.endpoints_.size() == other.endpoints_.size() && one.sum_ == other.sum_;
  }

 private:
  void add(std::uint64_t key, std::vector<std::uint64_t>& to) {
    to.push_back(key);
    sum_ += key;  // of hashes
  }

  std::vector<std::uint64_t> services_;
  std::vector<std::uint64_t> endpoints_;
  std::uint64_t sum_ = 0;
};

// Tells what was read. No reading of IPVS is a snapshot, and one may miss a server while another
// goes, so a server is there where either of the last two readings has it, and right since the
// first of them began.
class ServerTeller {
 public:
  ServerTeller(const std::shared_ptr<ServiceEndpoints>& to, std::size_t family)
      : teller_{to, ServiceEndpoints::Source::ipvs, family} {}

  void tell(ServiceEndpoints::Look look, ServerKeys keys);
  void withdraw();

 private:
  EndpointTeller teller_;
  std::optional<ServerKeys> last_;
  ServiceEndpoints::Look last_look_;
  bool told_last_ = false;  // what is told is `last_` and nothing else
};

}  // namespace kubecliff::ipvs
