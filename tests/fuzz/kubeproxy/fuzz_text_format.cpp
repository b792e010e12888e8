// kube-proxy's metrics: taken or refused the same however the text is cut, and what is served of
// them is what the exposition can write.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "collectors/kubeproxy/own_families.h"
#include "collectors/kubeproxy/process.h"
#include "collectors/kubeproxy/text_format.h"

namespace {

using namespace kubecliff;
using namespace kubecliff::kubeproxy;

std::optional<TextFamilies> parse(std::string_view text, std::size_t step) {
  TextParser parser{is_own_family};
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, step);
    if (!parser.feed(piece)) {
      return std::nullopt;
    }
    text.remove_prefix(piece.size());
  }
  auto families = parser.finish();
  return families ? std::optional{std::move(*families)} : std::nullopt;
}

void check(const OwnFamily& family) {
  for (const auto& [labels, metric] : family.metrics) {
    const bool plain = std::ranges::all_of(labels, [](std::string_view value) {
      return std::ranges::all_of(value, [](char byte) { return byte >= ' ' && byte < '\x7F'; });
    });
    const auto& buckets = metric.histogram.bucket;
    if (!plain || labels.size() != family.spec->labels.size() ||
        !std::ranges::is_sorted(buckets, {}, &prometheus::ClientMetric::Bucket::cumulative_count) ||
        (!buckets.empty() && buckets.back().cumulative_count != metric.histogram.sample_count)) {
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  static_cast<void>(is_kube_proxy(text));
  const auto whole = parse(text, std::max<std::size_t>(size, 1));
  const auto cut = parse(text, 3);
  if (whole.has_value() != cut.has_value()) {
    std::abort();
  }
  if (whole) {
    const OwnFamilies own = check_own_families(*whole);
    std::ranges::for_each(own.families, check);
    if (own.families.size() + own.refused.size() != whole->size()) {
      std::abort();
    }
  }
  return 0;
}
