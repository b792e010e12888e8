// EndpointChange: the change that a cluster makes most often, one endpoint of a Service replaced by
// another, as kube-proxy's partial sync writes it.
#pragma once

#include <string>

#include "tests/support/ruleset.h"

namespace kubecliff::bench {

class EndpointChange {
 public:
  // Of the first Service of a ruleset of ClusterIP Services, and of its last endpoint.
  explicit EndpointChange(const test::Ruleset& ruleset);

  // The restore input of the next change: from one endpoint to another, and back. KUBE-SERVICES is
  // written again in full, as kube-proxy does; the Service's chain is emptied and filled; a chain
  // comes and a chain goes.
  [[nodiscard]] std::string next();

 private:
  struct Endpoint {
    std::string chain;
    std::string address;
  };

  std::string dispatch_;       // KUBE-SERVICES' rules
  std::string service_chain_;  // its name
  std::string rules_;          // of the Service's and the endpoint's chain
  Endpoint now_;
  Endpoint other_;
};

}  // namespace kubecliff::bench
