#include "tests/support/ruleset.h"

#include <array>
#include <utility>

#include "exporter/simulate/iptables_rules.h"
#include "tests/support/text.h"

namespace kubecliff::test {
namespace {

using namespace simulate::iptables_rules;  // NOLINT(*-using-namespace): they are made of these

constexpr int kNumbers = 45'000;

}  // namespace

std::string flawed_rules(Flaw flaw, Family family) {
  // Numbers that no ruleset of a test reaches.
  const Service service{.number = kNumbers - 1 - static_cast<int>(flaw), .endpoints = 3};
  const Names names = names_of(service, family);
  Table nat{"nat"};
  dispatch(nat, service, names);
  switch (flaw) {
    case Flaw::duplicate_rules:
      write_chains(nat, service, names, family, Comments::all);
      dispatch(nat, service, names);
      mark_outsiders(nat, names, family);
      break;
    case Flaw::unbalanced_service:
      for (const std::string& chain : chains_of(service, names)) {
        nat.chain(chain);
      }
      choose(nat, names.svc, names.endpoints, std::array{0.5, 0.5, 1.0}, names, Comments::all);
      translate(nat, service, names, family, Comments::all);
      break;
    case Flaw::jump_to_empty_chain:
      nat.chain(names.svc);
      break;
    case Flaw::service_without_endpoints:
      nat.chain(names.svc);
      mark_outsiders(nat, names, family);
      break;
  }
  return std::move(nat).text();
}

std::string old_release_rules(Family family) {
  const Service service{.number = kNumbers - 1 - 100, .endpoints = 1};
  const Names names = names_of(service, family);
  const std::string xlb =
      hashed_chain("KUBE-XLB-", concat(names.port_name, label(service.protocol)));
  Table nat{"nat"};
  dispatch(nat, service, names);
  write_chains(nat, service, names, family, Comments::all);
  nat.chain("KUBE-MARK-DROP");
  nat.chain(xlb);
  nat.rule("KUBE-MARK-DROP", " -j MARK --set-xmark 0x8000/0x8000");
  nat.rule("KUBE-NODEPORTS", names.protocol, comment(names.port_name), names.to_node_port, " -j ",
           xlb);
  nat.rule(xlb, " -s ", pod_cidr(family), comment("pods of this cluster"), " -j ", names.svc);
  nat.rule(xlb, comment("masquerade LOCAL traffic"),
           " -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ");
  nat.rule(xlb, comment("route LOCAL traffic"), " -m addrtype --src-type LOCAL -j ", names.svc);
  nat.rule(xlb, comment(names.port_name, " has no local endpoints"), " -j KUBE-MARK-DROP");
  return std::move(nat).text();
}

}  // namespace kubecliff::test
