#include "collectors/conntrack/availability.h"

namespace kubecliff::conntrack {
namespace {

constexpr Feature kTracking{
    .module = "nf_conntrack", .config = "CONFIG_NF_CONNTRACK", .symbol = "nf_conntrack_in"};
constexpr Feature kCtnetlink{.module = "nf_conntrack_netlink",
                             .config = "CONFIG_NF_CT_NETLINK",
                             .symbol = "ctnetlink_dump_table"};

}  // namespace

Availability::Availability(const std::filesystem::path& procfs, const std::filesystem::path& sysfs)
    : tracking_{kTracking, procfs, sysfs}, ctnetlink_{kCtnetlink, procfs, sysfs} {
  // The first look of each is the thorough one: not in a scrape.
  tracking_.look();
  ctnetlink_.look();
}

Result<void> Availability::tracking() {
  switch (tracking_.look()) {
    case FeatureState::present:
      return {};
    case FeatureState::not_loaded:
      return fail(ErrorKind::unavailable,
                  "the module nf_conntrack is not loaded: nothing on this node tracks connections "
                  "until a rule that needs it loads it");
    case FeatureState::not_built:
      break;
  }
  return fail(ErrorKind::unavailable,
              "this kernel is built without connection tracking (CONFIG_NF_CONNTRACK): turn the "
              "collector off");
}

Result<void> Availability::ctnetlink() {
  switch (ctnetlink_.look()) {
    case FeatureState::present:
      return {};
    case FeatureState::not_loaded:
      return fail(ErrorKind::unavailable,
                  "the module nf_conntrack_netlink is not loaded: run 'modprobe "
                  "nf_conntrack_netlink' on the node");
    case FeatureState::not_built:
      break;
  }
  return fail(ErrorKind::unavailable,
              "this kernel is built without ctnetlink (CONFIG_NF_CT_NETLINK)");
}

}  // namespace kubecliff::conntrack
