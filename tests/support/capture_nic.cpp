// capture_nic: writes to standard output what a kernel answers about devices and their drivers: the
// corpora of tests/fuzz/nic. Makes a veth and tunnels of every kind, which loads modules, so it
// belongs into tests/support/emulated_kernel:
//
//   emulated_kernel --tool ip -- capture_nic links >links
//
// SUBJECT is links, or one of ethtool's answers about the veth: count, names, values.
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <span>
#include <string_view>
#include <vector>

#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/nic/ethtool.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

void write(Bytes bytes) {
  std::cout.write(reinterpret_cast<const char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
}

Result<void> make_devices() {
  const std::string_view commands =
      "link add veth0 type veth peer name veth1\n"
      "link add flannel.1 mtu 1450 up type vxlan id 1 dev veth0 local 10.0.0.1 dstport 8472\n"
      "link add vxlan6 mtu 1430 up type vxlan id 2 remote fd00::2 dstport 8473\n"
      "link add external0 up type vxlan external dstport 8474\n"
      "link add geneve0 mtu 1450 up type geneve id 3 remote 10.0.0.2\n"
      "link add geneve6 mtu 1430 up type geneve id 4 remote fd00::2\n"
      "link add ipip0 mtu 1480 up type ipip remote 10.0.0.2 local 10.0.0.1\n"
      "link add ip6tnl0a mtu 1452 up type ip6tnl remote fd00::2 local fd00::1\n"
      "link add wg0 mtu 1420 up type wireguard\n";
  const auto run = run_tool({"ip", "-batch", "-"}, commands);
  return run ? Result<void>{} : std::unexpected(run.error());
}

Result<void> capture_links() {
  netlink::Socket socket{netlink::kernel_transport(NETLINK_ROUTE)};
  const ifinfomsg header{};
  const std::uint32_t mask = RTEXT_FILTER_SKIP_STATS;
  netlink::Request question =
      netlink::Request::plain(RTM_GETLINK, NLM_F_DUMP, std::as_bytes(std::span{&header, 1}));
  question.put(IFLA_EXT_MASK, std::as_bytes(std::span{&mask, 1}));
  return socket.ask(question, [](const netlink::Message& message) -> Result<void> {
    write(std::as_bytes(std::span{&message.header, 1}));
    write(message.payload);
    const std::size_t padding = NLMSG_ALIGN(message.payload.size()) - message.payload.size();
    write(std::as_bytes(std::span{"\0\0\0", padding}));
    return {};
  });
}

Result<void> capture_answer(std::string_view subject) {
  std::vector<std::byte> buffer(std::size_t{1} << 20U);
  const auto put = [&](std::size_t offset, std::uint32_t value) {
    std::memcpy(buffer.data() + offset, &value, sizeof(value));
  };
  std::size_t size = 0;
  std::size_t each = 0;
  if (subject == "count") {
    put(0, ETHTOOL_GSSET_INFO);
    put(offsetof(ethtool_sset_info, sset_mask), 1U << ETH_SS_STATS);
    size = sizeof(ethtool_sset_info) + sizeof(std::uint32_t);
  } else if (subject == "names") {
    put(0, ETHTOOL_GSTRINGS);
    put(offsetof(ethtool_gstrings, string_set), ETH_SS_STATS);
    size = sizeof(ethtool_gstrings);
    each = ETH_GSTRING_LEN;
  } else {
    put(0, ETHTOOL_GSTATS);
    size = sizeof(ethtool_stats);
    each = sizeof(std::uint64_t);
  }
  const auto ethtool = nic::kernel_ethtool()();
  if (!ethtool) {
    return std::unexpected(ethtool.error());
  }
  if (auto asked = (*ethtool)->ask("veth0", buffer); !asked) {
    return asked;
  }
  // Both headers end with the count.
  const auto count = each == 0 ? 0 : read_as<std::uint32_t>(buffer, size - sizeof(std::uint32_t));
  write(Bytes{buffer}.first(size + each * count.value_or(0)));
  return {};
}

}  // namespace
}  // namespace kubecliff::test

int main(int argc, char** argv) {
  const std::string_view subject = argc == 2 ? argv[1] : "";
  if (subject != "links" && subject != "count" && subject != "names" && subject != "values") {
    std::cerr << "usage: capture_nic links|count|names|values\n";
    return 2;
  }
  kubecliff::Result<void> captured = kubecliff::test::make_devices();
  if (captured) {
    captured = subject == "links" ? kubecliff::test::capture_links()
                                  : kubecliff::test::capture_answer(subject);
  }
  if (!captured) {
    std::cerr << "capture_nic: " << captured.error().message << '\n';
    return 1;
  }
  return 0;
}
