#include "tests/bench/bare_kernel.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "collectors/kernel/bytes.h"
#include "collectors/kernel/nftables.h"

namespace kubecliff::bench {
namespace {

using netlink::Message;
using netlink::Request;

void check(bool succeeded, const char* what) {
  if (!succeeded) {
    throw std::system_error{errno, std::generic_category(), what};
  }
}

Request chains_of_ipv4() {
  return netlink::nftables_request(NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_IPV4);
}

// Text that many names are cut from; a string each would cost more than the kernel's part.
struct ChainName {
  std::size_t table_at;
  std::size_t chain_at;
  std::size_t end;
};

void get_entries(int socket, const std::string& table) {
  ipt_getinfo info{};
  std::strncpy(info.name, table.c_str(), sizeof(info.name) - 1);
  socklen_t size = sizeof(info);
  check(::getsockopt(socket, IPPROTO_IP, IPT_SO_GET_INFO, &info, &size) == 0, "IPT_SO_GET_INFO");

  const std::size_t bytes = sizeof(ipt_get_entries) + info.size;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(memory != MAP_FAILED, "mmap");

  ::madvise(memory, bytes, MADV_HUGEPAGE);
  auto* request = static_cast<ipt_get_entries*>(memory);
  std::memcpy(request->name, info.name, sizeof(request->name));
  request->size = info.size;
  size = static_cast<socklen_t>(bytes);
  const bool got = ::getsockopt(socket, IPPROTO_IP, IPT_SO_GET_ENTRIES, memory, &size) == 0;
  ::munmap(memory, bytes);
  check(got, "IPT_SO_GET_ENTRIES");
}

}  // namespace

BareNetlink::BareNetlink(int protocol)
    : socket_{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)} {
  check(socket_.valid(), "netlink socket");
}

void BareNetlink::dump(Request& request, const std::function<void(const Message& message)>& visit) {
  const Bytes question = request.finish(++sequence_);
  check(::send(socket_.get(), question.data(), question.size(), 0) >= 0, "send to netlink");

  while (true) {
    const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    check(got > 0, "receive from netlink");

    netlink::Messages messages{Bytes{buffer_.data(), static_cast<std::size_t>(got)}};
    for (Message message; messages.next(message);) {
      if (message.header.nlmsg_type == NLMSG_DONE) {
        return;
      }
      if (message.header.nlmsg_type == NLMSG_ERROR) {
        errno = -read_as<int>(message.payload).value_or(-EPROTO);
        check(false, "netlink dump");
      }
      visit(message);
    }
  }
}

void BareNetlink::dump_chains() {
  Request request = chains_of_ipv4();
  dump(request, [](const Message&) {});
}

void BareNetlink::dump_kube_proxy_sets() {
  Request request = netlink::nftables_request(NFT_MSG_GETSET, NLM_F_DUMP, NFPROTO_IPV4);
  request.put_text(NFTA_SET_TABLE, "kube-proxy");
  dump(request, [](const Message&) {});
}

void BareNetlink::dump_chain_by_chain() {
  std::string text;
  std::vector<ChainName> names;
  Request chains = chains_of_ipv4();
  dump(chains, [&](const Message& message) {
    const Bytes attributes = netlink::after_header(message.payload, sizeof(nfgenmsg));
    const std::size_t table_at = text.size();
    text += text_of(netlink::find_attribute(attributes, NFTA_CHAIN_TABLE));
    const std::size_t chain_at = text.size();
    text += text_of(netlink::find_attribute(attributes, NFTA_CHAIN_NAME));
    names.push_back({table_at, chain_at, text.size()});
  });

  Request rules = netlink::nftables_request(NFT_MSG_GETRULE, NLM_F_DUMP, NFPROTO_IPV4);
  const std::string_view all = text;
  for (const ChainName& name : names) {
    rules.clear_attributes();
    rules.put_text(NFTA_RULE_TABLE, all.substr(name.table_at, name.chain_at - name.table_at));
    rules.put_text(NFTA_RULE_CHAIN, all.substr(name.chain_at, name.end - name.chain_at));
    dump(rules, [](const Message&) {});
  }
}

std::size_t BareNetlink::dump_flows() {
  Request request =
      Request::nfnetlink(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
  std::size_t flows = 0;
  dump(request, [&flows](const Message&) { ++flows; });
  return flows;
}

void get_legacy_entries() {
  const UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  check(socket.valid(), "socket");

  std::ifstream tables{"/proc/net/ip_tables_names"};
  for (std::string table; tables >> table;) {
    get_entries(socket.get(), table);
  }
}

}  // namespace kubecliff::bench
