#include "tests/support/xtables_extension.h"

#include <endian.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_recent.h>
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter/xt_tcpudp.h>

#include <cmath>
#include <cstring>
#include <span>

namespace kubecliff::test {
namespace {

// With the padding that the kernel's structs have in a rule.
template <typename Info>
XtablesExtension extension(std::string_view name, const Info& info) {
  const Bytes bytes = std::as_bytes(std::span{&info, 1});
  ByteVector data{bytes.begin(), bytes.end()};
  data.resize(XT_ALIGN(data.size()));
  return {.name = std::string{name}, .info = std::move(data)};
}

}  // namespace

XtablesExtension statistic_random(double probability) {
  xt_statistic_info info{};
  info.mode = XT_STATISTIC_MODE_RANDOM;
  info.u.random.probability = static_cast<__u32>(std::lround(probability * 0x1p31));
  return extension("statistic", info);
}

XtablesExtension statistic_nth(unsigned every) {
  xt_statistic_info info{};
  info.mode = XT_STATISTIC_MODE_NTH;
  info.u.nth.every = every - 1;
  return extension("statistic", info);
}

XtablesExtension recent(std::string_view list) {
  xt_recent_mtinfo_v1 info{};
  info.check_set = XT_RECENT_CHECK;
  list.copy(info.name, sizeof(info.name) - 1);
  return extension("recent", info);
}

XtablesExtension comment(std::string_view text) {
  xt_comment_info info{};
  text.copy(info.comment, sizeof(info.comment));
  return extension("comment", info);
}

XtablesExtension tcp_port(std::uint16_t first, std::uint16_t last, Sense sense) {
  xt_tcp info{};
  info.spts[1] = 0xffff;
  info.dpts[0] = first;
  info.dpts[1] = last;
  info.invflags = sense == Sense::inverted ? XT_TCP_INV_DSTPT : 0;
  return extension("tcp", info);
}

XtablesExtension udp_port(std::uint16_t first, std::uint16_t last, Sense sense) {
  xt_udp info{};
  info.spts[1] = 0xffff;
  info.dpts[0] = first;
  info.dpts[1] = last;
  info.invflags = sense == Sense::inverted ? XT_UDP_INV_DSTPT : 0;
  return extension("udp", info);
}

XtablesExtension sctp_port(std::uint16_t first, std::uint16_t last, Sense sense) {
  // struct xt_sctp_info, whose header is no C++.
  struct Info {
    std::uint16_t dpts[2];
    std::uint16_t spts[2];
    std::uint32_t chunks[65];
    std::uint8_t flag_info[12];
    std::int32_t flag_count;
    std::uint32_t flags;
    std::uint32_t invflags;
  };
  constexpr std::uint32_t kDestinationPorts = 2;
  Info info{};
  info.dpts[0] = first;
  info.dpts[1] = last;
  info.flags = kDestinationPorts;
  info.invflags = sense == Sense::inverted ? kDestinationPorts : 0;
  return extension("sctp", info);
}

XtablesExtension dnat(std::uint8_t revision, const DnatRange& to) {
  constexpr unsigned kFlags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED;
  XtablesExtension target;
  if (revision == 0) {
    nf_nat_ipv4_multi_range_compat info{};
    info.rangesize = 1;
    info.range[0].flags = kFlags;
    std::memcpy(&info.range[0].min_ip, to.first.data(), to.first.size());
    std::memcpy(&info.range[0].max_ip, to.last.data(), to.last.size());
    info.range[0].min.all = htobe16(to.first_port);
    info.range[0].max.all = htobe16(to.last_port);
    target = extension("DNAT", info);
  } else {
    nf_nat_range2 info{};
    info.flags = kFlags;
    std::memcpy(&info.min_addr, to.first.data(), to.first.size());
    std::memcpy(&info.max_addr, to.last.data(), to.last.size());
    info.min_proto.all = htobe16(to.first_port);
    info.max_proto.all = htobe16(to.last_port);
    target = extension("DNAT", info);
    if (revision == 1) {
      target.info.resize(XT_ALIGN(sizeof(nf_nat_range)));
    }
  }
  target.revision = revision;
  return target;
}

XtablesExtension ct_notrack() {
  xt_ct_target_info info{};
  info.flags = XT_CT_NOTRACK;
  return extension("CT", info);
}

XtablesExtension ct_zone(unsigned zone) {
  xt_ct_target_info info{};
  info.zone = static_cast<__u16>(zone);
  return extension("CT", info);
}

}  // namespace kubecliff::test
