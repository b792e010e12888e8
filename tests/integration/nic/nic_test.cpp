// The nic collector in real kernels, judged by ethtool and ip: this machine's, and one whose
// tunnels are modules that nobody has loaded.
#include "collectors/nic/nic.h"

#include <linux/ethtool.h>
#include <linux/netlink.h>
#include <net/if.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/bytes.h"
#include "collectors/kernel/kernel_feature.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/nic/allowances.h"
#include "collectors/nic/decode_link.h"
#include "collectors/nic/decode_statistics.h"
#include "collectors/nic/ethtool.h"
#include "collectors/nic/tunnels.h"
#include "tests/support/figures.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"
#include "tests/support/run_tool.h"
#include "tests/support/served_collector.h"
#include "tests/support/text.h"

namespace kubecliff::nic {
namespace {

using test::append;
using test::concat;
using test::Figures;
using test::has_value;
using test::must_run;
using testing::ContainerEq;
using testing::IsEmpty;

using namespace std::chrono_literals;

void ip(std::string_view commands) {
  must_run({"ip", "-batch", "-"}, commands);
}

// What follows `key` in the detailed listing of the device; 0 where it is not there.
int listed(const std::string& device, const std::string& key) {
  std::istringstream words{must_run({"ip", "-d", "link", "show", "dev", device})};
  int value = 0;
  for (std::string word; words >> word;) {
    if (word == key) {
      words >> value;
      return value;
    }
  }
  return value;
}

// "tunnel_mtu_headroom_bytes{flannel.1,vxlan}", by what ip says of both devices.
Figures headroom(const std::string& device, const std::string& kind, const std::string& parent,
                 int overhead) {
  return {{concat("tunnel_mtu_headroom_bytes{", device, ",", kind, "}"),
           listed(parent, "mtu") - overhead - listed(device, "mtu")}};
}

Figures operator+(Figures figures, const Figures& more) {
  figures.insert(more.begin(), more.end());
  return figures;
}

class Served : public test::ServedCollector {
 public:
  Served() : ServedCollector{spec(), "kubecliff_"} {}

  RefreshKind refresh(Duration later = 15s) {
    const RefreshKind kind = ServedCollector::refresh(later);
    EXPECT_THAT(misses(), IsEmpty());
    return kind;
  }
};

using Nic = test::NetworkNamespaceTest;

TEST_F(Nic, ServesNothingWhereThereIsNothing) {
  Served served;
  EXPECT_EQ(served.refresh(), RefreshKind::full);
  EXPECT_THAT(served.figures(), IsEmpty());
  EXPECT_EQ(served.refresh(), RefreshKind::unchanged);
  EXPECT_EQ(served.refresh(60s), RefreshKind::unchanged);
}

// "     peer_ifindex: 3", below a headline.
std::vector<std::string> listed_statistics(const std::string& device) {
  std::vector<std::string> statistics;
  std::istringstream lines{must_run({"ethtool", "-S", device})};
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    statistics.push_back(line.substr(line.find_first_not_of(' ')));
  }
  return statistics;
}

TEST_F(Nic, DriversAnswerAsTheyAnswerEthtool) {
  ip("link add veth0 type veth peer name veth1\n");
  const auto ethtool = kernel_ethtool()();
  ASSERT_THAT(ethtool, has_value());
  const std::uint32_t index = ::if_nametoindex("veth0");
  const auto device = (*ethtool)->name_of(index);
  ASSERT_THAT(device, has_value());
  EXPECT_EQ(*device, "veth0");
  EXPECT_THAT((*ethtool)->name_of(9'999),
              test::fails_with(ErrorKind::unavailable, testing::HasSubstr("9999")));

  std::vector<std::byte> buffer(64 * 1'024);
  const auto put = [&](std::size_t offset, std::uint32_t value) {
    std::memcpy(buffer.data() + offset, &value, sizeof(value));
  };
  put(0, ETHTOOL_GSSET_INFO);
  put(offsetof(ethtool_sset_info, sset_mask), 1U << ETH_SS_STATS);
  ASSERT_THAT((*ethtool)->ask("veth0", buffer), has_value());
  const auto count = decode_count(buffer);
  ASSERT_THAT(count, has_value());
  ASSERT_GT(*count, 0U);

  put(0, ETHTOOL_GSTRINGS);
  put(offsetof(ethtool_gstrings, string_set), ETH_SS_STATS);
  put(offsetof(ethtool_gstrings, len), *count);
  ASSERT_THAT((*ethtool)->ask("veth0", buffer), has_value());
  EXPECT_THAT(decode_names(buffer, *count), has_value());
  std::vector<std::string> statistics;
  for (std::size_t i = 0; i < *count; ++i) {
    statistics.emplace_back(text_of(
        Bytes{buffer}.subspan(sizeof(ethtool_gstrings) + i * ETH_GSTRING_LEN, ETH_GSTRING_LEN)));
  }

  put(0, ETHTOOL_GSTATS);
  put(offsetof(ethtool_stats, n_stats), *count);
  ASSERT_THAT((*ethtool)->ask("veth0", buffer), has_value());
  std::vector<Place> places;
  for (std::size_t i = 0; i < *count; ++i) {
    places.push_back({.statistic = 0, .position = i});
  }
  const auto values = decode_values(buffer, *count, places);
  ASSERT_THAT(values, has_value());
  for (std::size_t i = 0; i < *count; ++i) {
    statistics[i] += ": " + std::to_string((*values)[i]);
  }
  EXPECT_THAT(statistics, ContainerEq(listed_statistics("veth0")));

  AllowanceReader reader{kernel_ethtool()};
  std::vector<Error> misses;
  reader.watch({{1U, index, 9'999U}}, misses);  // lo, the veth and none
  EXPECT_THAT(reader.read(misses), IsEmpty());
  EXPECT_THAT(misses, IsEmpty());
}

TEST_F(Nic, TellsHeadroomsByWhatIpSays) {
  ip("link add veth0 mtu 1500 type veth peer name veth1\n"
     "link set veth0 up\n"
     "link set veth1 up\n"
     "link add flannel.1 mtu 1450 up type vxlan id 1 dev veth0 local 10.0.0.1 dstport 8472 "
     "nolearning\n");
  Served served;
  served.refresh();
  const auto flannel = [] { return headroom("flannel.1", "vxlan", "veth0", 50); };
  EXPECT_THAT(served.figures(), ContainerEq(flannel()));
  EXPECT_EQ(served.figures().at("tunnel_mtu_headroom_bytes{flannel.1,vxlan}"), 0);
  EXPECT_EQ(served.refresh(), RefreshKind::unchanged);

  // The network was given another MTU, and nobody told flannel. Seen within a minute.
  ip("link set veth0 mtu 1400\n");
  EXPECT_EQ(served.refresh(), RefreshKind::unchanged);
  EXPECT_EQ(served.refresh(60s), RefreshKind::full);
  EXPECT_THAT(served.figures(), ContainerEq(flannel()));
  EXPECT_EQ(served.figures().at("tunnel_mtu_headroom_bytes{flannel.1,vxlan}"), -100);

  // Down, nothing passes it.
  ip("link set flannel.1 down\n");
  EXPECT_EQ(served.refresh(60s), RefreshKind::full);
  EXPECT_THAT(served.figures(), IsEmpty());
}

TEST_F(Nic, TakesTunnelsWithoutAParentToFollowRoutes) {
  ip("link add veth0 mtu 1500 type veth peer name veth1\n"
     "link add veth2 mtu 9000 type veth peer name veth3 mtu 9000\n"
     "link set veth0 up\nlink set veth1 up\nlink set veth2 up\nlink set veth3 up\n"
     "addr add 10.0.0.1/24 dev veth0\n"
     "addr add 10.0.2.1/24 dev veth2\n"
     "link add calico mtu 1450 up type vxlan id 1 dstport 4789 nolearning\n"
     "link add remote mtu 1450 up type vxlan id 2 remote 10.0.2.2 dstport 4790\n"
     "link add cilium mtu 1500 up type vxlan external dstport 4791\n");
  Served served;
  served.refresh();
  const Figures remote = headroom("remote", "vxlan", "veth2", 50);
  EXPECT_THAT(served.figures(), ContainerEq(remote)) << "without a default route";

  ip("route add default via 10.0.0.2\n");
  served.refresh(60s);
  EXPECT_THAT(served.figures(), ContainerEq(remote + headroom("calico", "vxlan", "veth0", 50)));
  ip("route change default via 10.0.2.3\n");
  served.refresh(60s);
  EXPECT_THAT(served.figures(), ContainerEq(remote + headroom("calico", "vxlan", "veth2", 50)));
}

TEST_F(Nic, TellsOfIpv6UnderATunnel) {
  ip("link add veth0 mtu 1500 type veth peer name veth1\n"
     "link set veth0 up\nlink set veth1 up\n"
     "addr add fd00::1/64 dev veth0 nodad\n"
     "link add flannel-v6.1 mtu 1430 up type vxlan id 1 dev veth0 local fd00::1 dstport 8472\n"
     "link add remote mtu 1450 up type vxlan id 2 remote fd00::2 dstport 4790\n");
  Served served;
  served.refresh();
  EXPECT_THAT(served.figures(), ContainerEq(headroom("flannel-v6.1", "vxlan", "veth0", 70) +
                                            headroom("remote", "vxlan", "veth0", 70)));
}

// A node's pods cost nothing but their part of a list once a minute.
TEST_F(Nic, PassesOverManyVeths) {
  std::string commands = "link add veth0 mtu 1500 type veth peer name veth1\n";
  for (int i = 0; i < 100; ++i) {
    append(commands, "link add pod", i, " type veth peer name in", i, "\n");
  }
  commands += "link add flannel.1 mtu 1450 up type vxlan id 1 dev veth0 dstport 8472\n";
  ip(commands);
  netlink::Socket socket{netlink::kernel_transport(NETLINK_ROUTE)};
  const auto links = list_links(socket);
  ASSERT_THAT(links, has_value());
  EXPECT_EQ(links->size(), std::filesystem::exists("/sys/module/ipip") ? 205U : 204U);
  for (const Link& link : *links) {
    EXPECT_EQ(link.kind, link.name == "flannel.1" ? Link::Kind::tunnel : Link::Kind::other);
  }
  Served served;
  served.refresh();
  EXPECT_THAT(served.figures(), ContainerEq(headroom("flannel.1", "vxlan", "veth0", 50)));
}

// In an emulated kernel: they build on one another, from one without modules.
class NicModules : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("KUBECLIFF_EMULATED_KERNEL") == nullptr) {  // NOLINT(concurrency-mt-unsafe)
      test::skip("loads modules: tests/support/emulated_kernel runs it");
    }
  }
};

constexpr std::string_view kModules[] = {"vxlan",      "geneve",    "ipip",
                                         "ip6_tunnel", "wireguard", "veth"};

TEST_F(NicModules, AreNotLoadedByLooking) {
  Served served;
  served.refresh();
  EXPECT_THAT(served.figures(), IsEmpty());
  EXPECT_EQ(served.refresh(60s), RefreshKind::unchanged);
  for (const std::string_view module : kModules) {
    EXPECT_FALSE(module_loaded(module)) << module;
  }
}

TEST_F(NicModules, TellHeadroomsByWhatIpSays) {
  ip("link add veth0 mtu 1500 type veth peer name veth1\n"
     "link set veth0 up\nlink set veth1 up\n"
     "addr add 10.0.0.1/24 dev veth0\n"
     "addr add fd00::1/64 dev veth0 nodad\n"
     "route add default via 10.0.0.2\n"
     "link add flannel.1 mtu 1450 up type vxlan id 1 dev veth0 local 10.0.0.1 dstport 8472\n"
     "link add geneve0 mtu 1450 up type geneve id 3 remote 10.0.0.2\n"
     "link add geneve6 mtu 1450 up type geneve id 4 remote fd00::2\n"
     "link add cilium_geneve mtu 1500 up type geneve external dstport 6082\n"
     "link add bound mtu 1481 up type ipip remote 10.9.0.2 local 10.0.0.1 dev veth0\n"
     "link set tunl0 mtu 1440 up\n"
     "link add six mtu 1452 up type ip6tnl remote fd00::2 local fd00::1\n"
     "link add unlimited mtu 1460 up type ip6tnl remote fd00::3 local fd00::1 encaplimit none\n"
     "link add wireguard.cali mtu 1440 up type wireguard\n");
  Served served;
  served.refresh();
  EXPECT_THAT(
      served.figures(),
      ContainerEq(
          headroom("flannel.1", "vxlan", "veth0", 50) + headroom("geneve0", "geneve", "veth0", 50) +
          headroom("geneve6", "geneve", "veth0", 70) + headroom("bound", "ipip", "veth0", 20) +
          headroom("tunl0", "ipip", "veth0", 20) + headroom("six", "ip6tnl", "veth0", 48) +
          headroom("unlimited", "ip6tnl", "veth0", 40) +
          headroom("wireguard.cali", "wireguard", "veth0", 60)));
  EXPECT_EQ(served.figures().at("tunnel_mtu_headroom_bytes{bound,ipip}"), -1);
}

// ip6tnl and geneve take from their MTU what they add, once they know their way: so must we.
TEST_F(NicModules, AgreeWithTheKernelsOwnMtus) {
  ip("link add own4 up type ipip remote 10.0.0.9 local 10.0.0.1\n"
     "link add own6 up type ip6tnl remote fd00::9 local fd00::1\n"
     "link add own-vxlan up type vxlan id 9 dev veth0 dstport 8479\n"
     "link add own-geneve up type geneve id 9 remote 10.0.0.9\n"
     "link set flannel.1 down\nlink set geneve0 down\nlink set geneve6 down\nlink set six down\n"
     "link set unlimited down\n");
  Served served;
  served.refresh();
  for (const char* tunnel : {"own4,ipip", "own6,ip6tnl", "own-vxlan,vxlan", "own-geneve,geneve"}) {
    const std::string figure = concat("tunnel_mtu_headroom_bytes{", tunnel, "}");
    ASSERT_TRUE(served.figures().contains(figure)) << figure;
    EXPECT_EQ(served.figures().at(figure), 0) << tunnel;
  }
}

}  // namespace
}  // namespace kubecliff::nic
