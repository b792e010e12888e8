// The rules of iptables mode as parts, of which a Ruleset is made, and what tests put beside one.
// Text for iptables-restore; pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/kernel/address_family.h"
#include "exporter/simulate/services.h"
#include "exporter/simulate/text.h"

namespace kubecliff::simulate::iptables_rules {

template <typename... Parts>
std::string comment(const Parts&... parts) {
  return concat(" -m comment --comment \"", parts..., "\"");
}

// One table of an iptables-restore input.
class Table {
 public:
  explicit Table(std::string_view name) : head_{concat("*", name, "\n")} {}

  void built_in(std::string_view chain) { append(head_, ":", chain, " ACCEPT [0:0]\n"); }
  // Makes the chain or, with --noflush, empties it where it exists.
  void chain(std::string_view chain) { append(head_, ":", chain, " - [0:0]\n"); }
  // `parts` are put together as they are.
  template <typename... Parts>
  void rule(std::string_view chain, const Parts&... parts) {
    append(rules_, "-A ", chain, parts..., "\n");
  }
  void remove(std::string_view chain) { append(rules_, "-X ", chain, "\n"); }

  [[nodiscard]] std::string text() && {
    head_ += rules_;
    head_ += "COMMIT\n";
    return std::move(head_);
  }

 private:
  std::string head_;
  std::string rules_;
};

struct Endpoint {
  std::string ip;
  std::string ip_and_port;
  std::string chain;
};

// What kube-proxy knows of a Service, put into words.
struct Names {
  std::string port_name;  // "namespace/name:port"
  std::string protocol;   // " -p tcp"
  std::string to_port;    // " -m tcp --dport 80"
  std::string to_node_port;
  std::string cluster_ip;  // with the host mask
  std::string load_balancer_ip;
  std::string svc, svl, ext, fw;
  std::vector<Endpoint> endpoints;  // the local ones first
};

[[nodiscard]] Names names_of(const Service& service, AddressFamily family);

// The chains of its own that a Service has.
[[nodiscard]] std::vector<std::string> chains_of(const Service& service, const Names& names);

// KUBE-SERVICES' and KUBE-NODEPORTS' rules for one Service.
void dispatch(Table& nat, const Service& service, const Names& names);

// Those who are no pods are masqueraded.
void mark_outsiders(Table& nat, const Names& names, AddressFamily family);

// The rules of `chain` that choose one of `endpoints`, the i-th with the i-th probability of what
// the ones before it left, the last one always.
void choose(Table& nat, std::string_view chain, std::span<const Endpoint> endpoints,
            std::span<const double> probabilities, const Names& names, Comments comments);

// The chains of the endpoints.
void translate(Table& nat, const Service& service, const Names& names, AddressFamily family,
               Comments comments);

// A Service's own chains and their rules.
void write_chains(Table& nat, const Service& service, const Names& names, AddressFamily family,
                  Comments comments);

}  // namespace kubecliff::simulate::iptables_rules
