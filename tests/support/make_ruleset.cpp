// make_ruleset: prints a ruleset for iptables-restore, or ip6tables-restore, on standard output.
#include <cstddef>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "tests/support/ruleset.h"

int main(int argc, char** argv) {
  using namespace kubecliff::test;  // NOLINT(*-using-namespace)

  int services = 0;
  int endpoints = 5;
  bool with_every_feature = false;
  bool ipv6 = false;
  bool large_cluster = false;
  bool add = false;
  std::size_t remove = 0;

  CLI::App app{"Prints a ruleset in kube-proxy's shape for iptables-restore."};
  app.add_option("services", services, "Services in it")->required()->check(CLI::Range(0, 44'000));
  app.add_option("endpoints", endpoints, "endpoints of each")->check(CLI::NonNegativeNumber);
  app.add_flag("--varied", with_every_feature,
               "NodePorts, load balancers, local traffic policy, affinity, UDP, SCTP, Services "
               "without endpoints");
  app.add_flag("--ipv6", ipv6, "for ip6tables-restore");
  app.add_flag("--large-cluster", large_cluster, "without comments on endpoints");
  auto* add_option =
      app.add_flag("--add", add, "only what adds one more Service, for iptables-restore --noflush");
  auto* remove_option =
      app.add_option("--remove", remove,
                     "only what removes the Service at this index, for iptables-restore --noflush")
          ->excludes(add_option);
  CLI11_PARSE(app, argc, argv);

  const Family family = ipv6 ? Family::ipv6 : Family::ipv4;
  RulesetShape shape =
      with_every_feature ? varied(services, endpoints, family) : plain(services, endpoints, family);
  if (large_cluster) {
    shape.comments = Comments::large_cluster;
  }
  Ruleset ruleset{shape};
  if (add) {
    std::cout << ruleset.add_service();
  } else if (!remove_option->empty()) {
    if (remove >= ruleset.services().size()) {
      std::cerr << "make_ruleset: there is no Service at index " << remove << '\n';
      return 2;
    }
    std::cout << ruleset.remove_service(remove);
  } else {
    std::cout << ruleset.restore_input();
  }
  std::cout.flush();
  return std::cout ? 0 : 1;
}
