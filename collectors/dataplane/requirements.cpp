#include "collectors/dataplane/requirements.h"

#include <array>

#include "collectors/kernel/nftables.h"

namespace kubecliff::dataplane {

std::span<const Feature> required_features() {
  static constexpr std::array kRequired{
      kXtStatistic, kXtRecent, kXtNat,  netlink::kNfTables, kNftNat, kNftMasq, kNftNumgen,
      kNftFibIpv4,  kIpVs,     kIpVsRr, kIpSetHashIpport,   kXtSet,  kDummy,   kClsBpf,
      kSchIngress,
  };
  return kRequired;
}

}  // namespace kubecliff::dataplane
