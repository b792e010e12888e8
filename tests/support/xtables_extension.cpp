#include "tests/support/xtables_extension.h"

#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_recent.h>
#include <linux/netfilter/xt_statistic.h>

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
