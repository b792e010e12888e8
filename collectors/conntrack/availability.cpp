#include "collectors/conntrack/availability.h"

namespace kubecliff::conntrack {
namespace {

constexpr Feature kTracking{
    .module = "nf_conntrack", .config = "CONFIG_NF_CONNTRACK", .symbol = "nf_conntrack_in"};
constexpr Feature kCtnetlink{.module = "nf_conntrack_netlink",
                             .config = "CONFIG_NF_CT_NETLINK",
                             .symbol = "ctnetlink_dump_table"};

// What is to be remembered of a part: of a module that is loaded, only that it can be.
FeatureState find(const Feature& feature, const std::filesystem::path& procfs,
                  const std::filesystem::path& sysfs) {
  return module_loaded(feature.module, sysfs) ? FeatureState::not_loaded
                                              : find_feature(feature, procfs, sysfs);
}

}  // namespace

Availability::Availability(const std::filesystem::path& procfs, const std::filesystem::path& sysfs)
    : sysfs_{sysfs},
      tracking_{find(kTracking, procfs, sysfs)},
      ctnetlink_{find(kCtnetlink, procfs, sysfs)} {}

Result<void> Availability::tracking() const {
  switch (now(kTracking.module, tracking_)) {
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

Result<void> Availability::ctnetlink() const {
  switch (now(kCtnetlink.module, ctnetlink_)) {
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

FeatureState Availability::now(std::string_view module, FeatureState at_start) const {
  if (at_start != FeatureState::present && module_loaded(module, sysfs_)) {
    return FeatureState::present;
  }
  return at_start;
}

}  // namespace kubecliff::conntrack
