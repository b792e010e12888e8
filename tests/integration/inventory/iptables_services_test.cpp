// Services by name in either backend of iptables, judged by iptables-save -c on the same state.
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/inventory/services.h"
#include "collectors/kernel/unique_fd.h"
#include "tests/integration/inventory/seen_service.h"
#include "tests/support/must.h"
#include "tests/support/network_namespace.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"
#include "tests/support/service_keys.h"
#include "tests/support/text.h"

namespace kubecliff::inventory {
namespace {

using test::Backend;
using test::concat;
using test::Family;
using test::must;
using test::Ruleset;

// A line of iptables-save -c.
struct SavedRule {
  std::string chain;
  std::string target;
  std::string protocol;
  std::string to;  // "10.96.0.1", without its length
  std::string port;
  std::string comment;  // up to its first blank
  std::string translation;
  std::uint64_t packets = 0;
  bool recent = false;
};

std::string word_after(std::string_view line, std::string_view before) {
  const std::size_t at = line.find(before);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = line.substr(at + before.size());
  return std::string{rest.substr(0, rest.find_first_of(" \n\""))};
}

std::vector<SavedRule> saved_rules(const std::string& saved) {
  std::vector<SavedRule> rules;
  std::istringstream lines{saved};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('[')) {
      continue;
    }
    const std::string to = word_after(line, " -d ");
    const std::string quoted = word_after(line, "--comment \"");
    rules.push_back({.chain = word_after(line, "-A "),
                     .target = word_after(line, "-j "),
                     .protocol = word_after(line, "-p "),
                     .to = to.substr(0, to.find('/')),
                     .port = word_after(line, "--dport "),
                     .comment = quoted.empty() ? word_after(line, "--comment ") : quoted,
                     .translation = word_after(line, "--to-destination "),
                     .packets = std::stoull(line.substr(1)),
                     .recent = line.contains("-m recent")});
  }
  return rules;
}

std::string hash_of(const std::string& chain) {
  for (const std::string_view kind : {"SVC", "SVL", "EXT", "FW", "XLB"}) {
    if (const std::string prefix = concat("KUBE-", kind, "-"); chain.starts_with(prefix)) {
      return chain.substr(prefix.size());
    }
  }
  return {};
}

// A Service is what has a name and a protocol here; chains are found by it.
SeenServices saved_services(const std::string& saved) {
  const std::vector<SavedRule> rules = saved_rules(saved);
  std::map<std::string, std::string> names;                // by hash
  std::map<std::string, std::set<std::string>> endpoints;  // KUBE-SEP-*, by name
  std::map<std::string, const SavedRule*> translations;    // by KUBE-SEP-*
  std::map<std::string, std::uint64_t> sizes;              // rules by chain
  SeenServices services;
  for (const SavedRule& rule : rules) {
    ++sizes[rule.chain];
    const bool dispatches = rule.chain == "KUBE-SERVICES" || rule.chain == "KUBE-NODEPORTS" ||
                            rule.chain == "KUBE-EXTERNAL-SERVICES";
    const bool refuses = rule.target == "REJECT" || rule.target == "DROP";
    if (dispatches && (refuses || !hash_of(rule.target).empty())) {
      SeenService& service = services[rule.comment];
      service.protocol = rule.protocol;
      const std::string address = rule.to.contains(':') ? concat("[", rule.to, "]") : rule.to;
      service.addresses.insert(concat(address.empty() ? "*" : address, ":", rule.port));
      ++service.rules;
      service.packets = service.packets.value_or(0) + (refuses ? 0 : rule.packets);
      if (!refuses) {
        names[hash_of(rule.target)] = rule.comment;
      }
    }
    if (rule.target == "DNAT") {
      translations[rule.chain] = &rule;
    }
  }
  for (const SavedRule& rule : rules) {
    const std::string hash = hash_of(rule.chain);
    if (!hash.empty()) {
      const std::string& name = names.at(hash);
      ++services[name].rules;
      services[name].affinity |= rule.recent;
      if (rule.target.starts_with("KUBE-SEP-")) {
        endpoints[name].insert(rule.target);
      }
    }
  }
  for (const auto& [name, chains] : endpoints) {
    for (const std::string& chain : chains) {
      services[name].rules += sizes[chain];
      services[name].endpoints[translations.at(chain)->translation] =
          translations.at(chain)->packets;
    }
  }
  return services;
}

std::string save_counters(Backend backend, Family family) {
  return test::must_run({test::tool_name(backend, family, "save"), "-c"});
}

// The same rules, each with a number of packets of its own.
std::string with_counters(const std::string& saved) {
  std::mt19937 random{7};  // NOLINT(*-msc51-cpp): the same numbers each time
  std::string out;
  std::istringstream lines{saved};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) {
      line = concat("[", static_cast<int>(random() % 1'000'000), ":1", line.substr(line.find(']')));
    }
    out += line + '\n';
  }
  return out;
}

Dataplane dataplane_of(Backend backend) {
  return backend == Backend::legacy ? Dataplane::iptables_legacy : Dataplane::iptables_nft;
}

class IptablesServices : public test::NetworkNamespaceTest,
                         public ::testing::WithParamInterface<std::tuple<Backend, Family>> {
 protected:
  [[nodiscard]] static Backend backend() { return std::get<0>(GetParam()); }
  [[nodiscard]] static Family family() { return std::get<1>(GetParam()); }
  [[nodiscard]] static SeenServices read() {
    return seen(must(read_services({})), dataplane_of(backend()), family());
  }
};

INSTANTIATE_TEST_SUITE_P(, IptablesServices,
                         ::testing::Combine(::testing::ValuesIn(test::kBackends),
                                            ::testing::ValuesIn(test::kFamilies)),
                         [](const auto& param) {
                           return concat(test::label(std::get<0>(param.param)), "_",
                                         test::label(std::get<1>(param.param)));
                         });

TEST_P(IptablesServices, AreAsSaved) {
  for (const test::Comments comments : {test::Comments::all, test::Comments::large_cluster}) {
    test::RulesetShape shape = test::varied(60, 4, family());
    shape.comments = comments;
    const Ruleset ruleset{shape};
    must(test::restore(backend(), family(), ruleset.restore_input()));
    const std::string counted = with_counters(save_counters(backend(), family()));
    test::must_run({test::tool_name(backend(), family(), "restore"), "-c"}, counted);

    const std::string saved = save_counters(backend(), family());
    const SeenServices expected = saved_services(saved);
    ASSERT_EQ(expected.size(), 60U);
    EXPECT_THAT(read(), ::testing::ContainerEq(expected));
  }
}

TEST_P(IptablesServices, HaveTheirClusterIpForAddress) {
  const Ruleset ruleset{test::varied(30, 2, family())};
  must(test::restore(backend(), family(), ruleset.restore_input()));
  const Services services = must(read_services({}));
  std::map<std::string, std::string> addresses;
  for (const Service& service : services.services) {
    addresses[service.name] = text(service.address, service.port);
  }
  for (const test::Service& service : ruleset.services()) {
    const std::string name = concat(service_name(service), ":", port_name(service));
    const auto bytes = test::address_bytes(cluster_ip(service, family()));
    EXPECT_EQ(addresses[name], text(Address{bytes}, 80)) << name;
  }
}

TEST_P(IptablesServices, AreThoseThatPartialSyncsLeave) {
  Ruleset ruleset{test::varied(20, 3, family())};
  must(test::restore(backend(), family(), ruleset.restore_input()));
  must(test::restore(backend(), family(), ruleset.add_service(), test::Flush::none));
  must(test::restore(backend(), family(), ruleset.remove_service(4), test::Flush::none));
  EXPECT_THAT(read(), ::testing::ContainerEq(saved_services(save_counters(backend(), family()))));
}

// Each of the flows is of a port of its own; nobody answers them.
void send_flows(Family family, const std::string& address, std::uint16_t port, int count) {
  const auto bytes = test::address_bytes(address);
  sockaddr_storage to{};
  socklen_t size = 0;
  if (family == Family::ipv4) {
    sockaddr_in ipv4{
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
    std::memcpy(&ipv4.sin_addr, bytes.data(), bytes.size());
    std::memcpy(&to, &ipv4, sizeof(ipv4));
    size = sizeof(ipv4);
  } else {
    sockaddr_in6 ipv6{.sin6_family = AF_INET6,
                      .sin6_port = htons(port),
                      .sin6_flowinfo = 0,
                      .sin6_addr = {},
                      .sin6_scope_id = 0};
    std::memcpy(&ipv6.sin6_addr, bytes.data(), bytes.size());
    std::memcpy(&to, &ipv6, sizeof(ipv6));
    size = sizeof(ipv6);
  }
  std::vector<UniqueFd> sockets;  // so that no port is given twice
  for (int i = 0; i < count; ++i) {
    const UniqueFd& socket = sockets.emplace_back(
        ::socket(family == Family::ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::sendto(socket.get(), "?", 1, 0, reinterpret_cast<const sockaddr*>(&to), size), 1);
  }
}

TEST_P(IptablesServices, CountWhatIsSentToThem) {
  test::RulesetShape shape = test::plain(3, 2, family());
  shape.udp_one_in = 1;
  const Ruleset ruleset{shape};
  must(test::restore(backend(), family(), ruleset.restore_input()));
  const std::string version = family() == Family::ipv4 ? "-4" : "-6";
  test::must_run({"ip", version, "route", "add", "default", "dev", "lo"});
  send_flows(family(), cluster_ip(ruleset.services()[1], family()), 80, 500);

  const SeenServices services = read();
  EXPECT_THAT(services, ::testing::ContainerEq(saved_services(save_counters(backend(), family()))));
  const SeenService& sent = services.at(
      concat(service_name(ruleset.services()[1]), ":", port_name(ruleset.services()[1])));
  EXPECT_EQ(sent.packets, 500U);
  std::uint64_t sum = 0;
  for (const auto& [endpoint, packets] : sent.endpoints) {
    EXPECT_GT(packets, 100U);
    sum += packets;
  }
  EXPECT_EQ(sum, sent.packets);
}

// No Service is half of one before a change and half of one after it. Where a slow machine cannot
// read between two changes, it says so.
TEST_P(IptablesServices, AreWholeWhileRulesChange) {
  Ruleset ruleset{test::plain(300, 3, family())};
  must(test::restore(backend(), family(), ruleset.restore_input()));
  std::atomic<bool> done = false;
  // It inherits this thread's network namespace.
  std::thread writer{[&] {
    for (int i = 0; i < 15; ++i) {
      std::ignore = test::restore(backend(), family(), ruleset.add_service(), test::Flush::none);
      std::ignore =
          test::restore(backend(), family(), ruleset.remove_service(0), test::Flush::none);
    }
    done = true;
  }};
  const auto expect_whole = [](const Services& services) {
    for (const Service& service : services.services) {
      EXPECT_TRUE(service.clear) << service.name;
      EXPECT_EQ(service.endpoint_count, 3U) << service.name;
      EXPECT_EQ(service.rules, 11U) << service.name;
    }
    EXPECT_GE(services.services.size(), 300U);
    EXPECT_LE(services.services.size(), 301U);
  };
  while (!done) {
    const Services services = must(read_services({}));
    for (const Miss& miss : services.misses) {
      EXPECT_EQ(miss.error.kind, ErrorKind::torn) << miss.error.message;
    }
    if (services.misses.empty()) {
      expect_whole(services);
    }
  }
  writer.join();
  const Services services = must(read_services({}));
  EXPECT_TRUE(services.misses.empty());
  expect_whole(services);
}

// Whatever a comment is, its Service is found, and its name is short.
TEST_P(IptablesServices, AreNotMisledByComments) {
  const Ruleset ruleset{test::plain(1, 1, family())};
  const std::string input = ruleset.restore_input();
  const std::string name = concat(service_name(ruleset.services()[0]), ":tcp-80");
  for (const std::string& hostile :
       {std::string{"x/\x01\x1b[31m\xff\xfe"}, std::string(200, '/'), std::string{"no-slash"},
        concat("x/", std::string(240, 'y'))}) {
    std::string changed = input;
    for (std::size_t at = changed.find(name); at != std::string::npos; at = changed.find(name)) {
      changed.replace(at, name.size(), hostile);
    }
    std::erase_if(changed, [](char c) { return c == '\0'; });
    const auto restored = test::restore(backend(), family(), changed);
    if (!restored) {
      continue;  // longer than a comment may be
    }
    const Services services = must(read_services({}));
    ASSERT_EQ(services.services.size(), 1U);
    EXPECT_LE(services.services[0].name.size(), kLongestName);
    EXPECT_EQ(services.services[0].endpoint_count, 1U);
    if (hostile.contains('\x1b')) {
      EXPECT_EQ(services.services[0].name, hostile);
    } else if (hostile == "no-slash") {
      EXPECT_EQ(services.services[0].name, "");
    }
  }
}

TEST_P(IptablesServices, AreCutWhereThereAreMoreThanWanted) {
  const Ruleset ruleset{test::plain(10, 1, family())};
  must(test::restore(backend(), family(), ruleset.restore_input()));
  const Services services = must(read_services({.most_services = 4}));
  EXPECT_TRUE(services.cut);
  EXPECT_EQ(services.services.size(), 4U);
  for (const ServiceAddress& address : services.addresses) {
    EXPECT_LT(address.service, 4U);
  }
}

}  // namespace
}  // namespace kubecliff::inventory
