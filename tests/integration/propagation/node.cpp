#include "tests/integration/propagation/node.h"

#include <poll.h>

#include <vector>

#include "tests/support/must.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {

Node::Node(Family family) : family_{family} {
  const bool ipv4 = family == Family::ipv4;
  must_run({"ip", "link", "set", "lo", "up"});
  must_run({"ip", "address", "add", address() + (ipv4 ? "/32" : "/128"), "dev", "lo"});
  must_run({"ip", ipv4 ? "-4" : "-6", "route", "add", ipv4 ? "10.96.0.0/16" : "fd00:96::/64", "dev",
            "lo", "src", address()});
  responder_ = must(canary::Responder::open(poller_, kFirstPort, kPorts));
  thread_ = std::thread{[this] {
    while (!stopping_) {
      pollfd waiting{.fd = poller_.descriptor(), .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 20) > 0) {
        const std::lock_guard lock{mutex_};
        poller_.dispatch();
      }
    }
  }};
}

Node::~Node() {
  stopping_ = true;
  thread_.join();
}

std::string Node::service() const {
  return family_ == Family::ipv4 ? "10.96.0.77:80" : "[fd00:96::77]:80";
}

std::string Node::address() const {
  return family_ == Family::ipv4 ? "10.1.0.1" : "fd00:1::1";
}

Node::Routed Node::route(Way way, std::uint16_t port) {
  const bool ipv4 = family_ == Family::ipv4;
  const std::string ip = ipv4 ? "10.96.0.77" : "fd00:96::77";
  const std::string to = (ipv4 ? address() : "[" + address() + "]") + ":" + std::to_string(port);
  Routed routed{.after = Clock::now(), .before = {}};
  switch (way) {
    case Way::iptables_legacy:
    case Way::iptables_nft:
      must(restore(way == Way::iptables_legacy ? Backend::legacy : Backend::nft, family_,
                   "*nat\n-A OUTPUT -d " + ip + " -p tcp --dport 80 -j DNAT --to-destination " +
                       to + "\nCOMMIT\n"));
      break;
    case Way::nftables: {
      const std::string family = ipv4 ? "ip" : "ip6";
      must(nft({"-f", "-"},
               "table " + family + " kube-proxy {}\ndelete table " + family +
                   " kube-proxy\ntable " + family + " kube-proxy {\nmap service-ips { type " +
                   (ipv4 ? "ipv4_addr" : "ipv6_addr") +
                   " . inet_proto . inet_service : verdict\nelements = { " + ip +
                   " . tcp . 80 : goto service } }\nchain service { meta l4proto tcp dnat to " +
                   to + "; }\nchain nat-output { type nat hook output priority -100; " + family +
                   " daddr . meta l4proto . th dport vmap @service-ips; }\n}\n"));
      break;
    }
    case Way::ipvs: {
      // As kube-proxy does: the new one comes, and has every other connection, then the old one
      // goes.
      static std::uint16_t last = 0;
      (void)run_tool({"ip", "link", "add", "kube-ipvs0", "type", "dummy"});
      (void)run_tool({"ip", "address", "add", ip + "/32", "dev", "kube-ipvs0"});
      (void)run_tool({"ipvsadm", "-A", "-t", ip + ":80", "-s", "rr"});
      must_run({"ipvsadm", "-a", "-t", ip + ":80", "-r", to, "-m"});
      if (last != 0) {
        must_run({"ipvsadm", "-d", "-t", ip + ":80", "-r", address() + ":" + std::to_string(last)});
      }
      last = port;
      break;
    }
  }
  routed.before = Clock::now();
  return routed;
}

void Node::answer(std::uint16_t port, std::uint64_t generation) {
  const std::lock_guard lock{mutex_};
  responder_->set(port - kFirstPort, generation);
}

std::uint64_t Node::accepted() {
  const std::lock_guard lock{mutex_};
  return responder_->accepted(family_ == Family::ipv4 ? AddressFamily::ipv4 : AddressFamily::ipv6);
}

}  // namespace kubecliff::test
