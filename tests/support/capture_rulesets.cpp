// capture_rulesets: writes what this machine's kernel answers about small rulesets of kube-proxy's
// shapes, of every backend and family, into the fuzzers' corpora below the folder that is named
// (tests/fuzz). Works in a network namespace of its own; needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <span>
#include <string>
#include <string_view>

#include "collectors/kernel/address_family.h"
#include "collectors/kernel/netlink_message.h"
#include "collectors/kernel/netlink_socket.h"
#include "collectors/kernel/nftables.h"
#include "collectors/kernel/xtables_socket.h"
#include "tests/fuzz/iptables/legacy_input.h"
#include "tests/support/network_namespace.h"
#include "tests/support/nftables_ruleset.h"
#include "tests/support/ruleset.h"
#include "tests/support/run_tool.h"

namespace kubecliff::test {
namespace {

namespace fs = std::filesystem;

std::string file_name(AddressFamily family, std::string_view table) {
  return std::string{name(family)} + '_' + std::string{table};
}

Result<void> write_file(const fs::path& path, std::string_view bytes) {
  std::ofstream file{path, std::ios::binary};
  file << bytes << std::flush;
  return file ? Result<void>{} : fail(ErrorKind::internal, "cannot write " + path.native());
}

void append(std::string& text, Bytes bytes) {
  text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<void> capture_legacy(AddressFamily family, const fs::path& corpus) {
  const auto socket = xtables::Socket::open(family);
  const auto tables = xtables::LoadedTables{"/proc", family}.read();
  if (!socket || !tables) {
    return std::unexpected(socket ? tables.error() : socket.error());
  }
  for (const std::string& table : *tables) {
    const auto info = socket->info(table);
    if (!info) {
      return std::unexpected(info.error());
    }
    const auto blob = socket->entries(table, *info);
    if (!blob) {
      return std::unexpected(blob.error());
    }
    const fuzz::LegacyInput input{.ipv6 = family == AddressFamily::ipv6, .info = *info};
    std::string bytes;
    append(bytes, std::as_bytes(std::span{&input, 1}));
    append(bytes, blob->entries());
    if (auto written = write_file(corpus / file_name(family, table), bytes); !written) {
      return written;
    }
  }
  return {};
}

// The answers to one question, appended message by message; `visit` sees each of them too.
template <typename Visit>
Result<void> capture_answers(netlink::Socket& socket, netlink::Request question, std::string& bytes,
                             Visit&& visit) {
  return socket.ask(question, [&](const netlink::Message& message) -> Result<void> {
    append(bytes, std::as_bytes(std::span{&message.header, 1}));
    append(bytes, message.payload);
    bytes.resize(NLMSG_ALIGN(bytes.size()));
    visit(message);
    return {};
  });
}

std::string text_attribute(const netlink::Message& message, std::uint16_t type) {
  const Bytes attributes = netlink::after_header(message.payload, sizeof(nfgenmsg));
  return std::string{text_of(netlink::find_attribute(attributes, type))};
}

netlink::Request nft_request(std::uint8_t command, std::uint16_t flags, AddressFamily family) {
  return netlink::nftables_request(command, flags, af(family));
}

// Each chain's message, followed by those of its rules.
Result<void> capture_nft(AddressFamily family, const fs::path& corpus) {
  netlink::Socket socket{netlink::kernel_transport(NETLINK_NETFILTER)};
  const auto nothing = [](const netlink::Message&) {};

  std::vector<std::string> tables;
  std::string unused;
  auto asked = capture_answers(socket, nft_request(NFT_MSG_GETTABLE, NLM_F_DUMP, family), unused,
                               [&](const netlink::Message& message) {
                                 tables.push_back(text_attribute(message, NFTA_TABLE_NAME));
                               });
  for (std::size_t i = 0; asked && i < tables.size(); ++i) {
    std::string bytes;
    asked = capture_answers(socket, nft_request(NFT_MSG_GETGEN, 0, family), bytes, nothing);
    std::vector<std::string> chains;
    if (asked) {
      auto question = nft_request(NFT_MSG_GETCHAIN, NLM_F_DUMP, family);
      asked = capture_answers(socket, question, unused, [&](const netlink::Message& message) {
        if (text_attribute(message, NFTA_CHAIN_TABLE) == tables[i]) {
          chains.push_back(text_attribute(message, NFTA_CHAIN_NAME));
        }
      });
    }
    for (std::size_t j = 0; asked && j < chains.size(); ++j) {
      auto chain = nft_request(NFT_MSG_GETCHAIN, 0, family);
      chain.put_text(NFTA_CHAIN_TABLE, tables[i]).put_text(NFTA_CHAIN_NAME, chains[j]);
      asked = capture_answers(socket, chain, bytes, nothing);
      if (asked) {
        auto rules = nft_request(NFT_MSG_GETRULE, NLM_F_DUMP, family);
        rules.put_text(NFTA_RULE_TABLE, tables[i]).put_text(NFTA_RULE_CHAIN, chains[j]);
        asked = capture_answers(socket, rules, bytes, nothing);
      }
    }
    if (asked) {
      asked = write_file(corpus / file_name(family, tables[i]), bytes);
    }
  }
  return asked;
}

// kube-proxy's own table: the table, its sets, rules and the elements of one map, in the order in
// which the collector asks for them.
Result<void> capture_kube_proxy(AddressFamily family, const fs::path& file) {
  netlink::Socket socket{netlink::kernel_transport(NETLINK_NETFILTER)};
  constexpr std::string_view kTable = "kube-proxy";
  auto table = nft_request(NFT_MSG_GETTABLE, 0, family);
  table.put_text(NFTA_TABLE_NAME, kTable);
  auto sets = nft_request(NFT_MSG_GETSET, NLM_F_DUMP, family);
  sets.put_text(NFTA_SET_TABLE, kTable);
  auto rules = nft_request(NFT_MSG_GETRULE, NLM_F_DUMP, family);
  rules.put_text(NFTA_RULE_TABLE, kTable);
  auto elements = nft_request(NFT_MSG_GETSETELEM, NLM_F_DUMP, family);
  elements.put_text(NFTA_SET_ELEM_LIST_TABLE, kTable)
      .put_text(NFTA_SET_ELEM_LIST_SET, "service-ips");

  std::string bytes;
  for (const netlink::Request& question : {table, sets, rules, elements}) {
    if (auto asked = capture_answers(socket, question, bytes, [](const netlink::Message&) {});
        !asked) {
      return asked;
    }
  }
  return write_file(file, bytes);
}

// Two Services: one that has everything a Service can have, and one without endpoints.
RulesetShape small_shape(Family family) {
  return {.services = 2,
          .endpoints = 2,
          .family = family,
          .comments = Comments::large_cluster,
          .source_ranges_one_in = 1,
          .local_policy_one_in = 1,
          .no_endpoints_one_in = 2,
          .client_ip_affinity_one_in = 1};
}

Result<void> load(Backend backend, Family family) {
  const auto restored = restore(backend, family, Ruleset{small_shape(family)}.restore_input());
  return restored ? Result<void>{} : std::unexpected(restored.error());
}

Result<void> capture_shapes(AddressFamily family, Family which, const fs::path& corpus) {
  for (const KubeProxyShape shape : {KubeProxyShape::up_to_1_35, KubeProxyShape::from_1_36}) {
    const auto loaded = nft({"-f", "-"}, NftablesRuleset{small_shape(which), shape}.script());
    if (!loaded) {
      return std::unexpected(loaded.error());
    }
    const std::string_view suffix =
        shape == KubeProxyShape::up_to_1_35 ? "up_to_1_35" : "from_1_36";
    if (auto captured = capture_kube_proxy(family, corpus / file_name(family, suffix)); !captured) {
      return captured;
    }
  }
  return {};
}

Result<void> capture(const fs::path& folder) {
  const auto entered = NetworkNamespace::enter();
  if (!entered) {
    return std::unexpected(entered.error());
  }
  for (const AddressFamily family : kAddressFamilies) {
    const Family which = family == AddressFamily::ipv4 ? Family::ipv4 : Family::ipv6;
    for (const Backend backend : kBackends) {
      if (auto loaded = load(backend, which); !loaded) {
        return loaded;
      }
    }
    const fs::path iptables = folder / "iptables";
    if (auto legacy = capture_legacy(family, iptables / "corpus_decode_legacy"); !legacy) {
      return legacy;
    }
    if (auto nft = capture_nft(family, iptables / "corpus_decode_nft"); !nft) {
      return nft;
    }
    const fs::path nftables = folder / "nftables" / "corpus_decode_nftables";
    if (auto shapes = capture_shapes(family, which, nftables); !shapes) {
      return shapes;
    }
  }
  return {};
}

}  // namespace
}  // namespace kubecliff::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: capture_rulesets FOLDER\n";
    return 2;
  }
  if (const auto captured = kubecliff::test::capture(argv[1]); !captured) {
    std::cerr << "capture_rulesets: " << captured.error().message << '\n';
    return 1;
  }
  return 0;
}
