#include "exporter/commands/confinement.h"

#include <linux/capability.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "exporter/http/listen_address.h"
#include "exporter/logging/log.h"

namespace kubecliff {
namespace {

// PROT_SOCK of the kernel.
constexpr std::uint16_t kFirstUnprivilegedPort = 1024;

bool is_privileged_port(const std::string& address) {
  const auto parsed = http::parse_listen_address(address);
  return parsed && parsed->port > 0 && parsed->port < kFirstUnprivilegedPort;
}

sandbox::Capabilities used_by(std::span<const CollectorSpec> specs, const auto& is_on) {
  sandbox::Capabilities used;
  for (const CollectorSpec& spec : specs) {
    if (is_on(spec)) {
      used.insert(used.end(), spec.capabilities.begin(), spec.capabilities.end());
    }
  }
  return used;
}

sandbox::Capabilities used_by(const Settings& settings, std::span<const CollectorSpec> specs) {
  auto used = used_by(
      specs, [&](const CollectorSpec& spec) { return settings.collectors.contains(spec.name); });
  if (std::ranges::any_of(settings.listen_addresses, is_privileged_port)) {
    used.push_back(CAP_NET_BIND_SERVICE);
  }
  return used;
}

}  // namespace

Confinement::Confinement(std::span<const CollectorSpec> specs, sandbox::Kept kept)
    : specs_{specs},
      gave_up_reading_everything_{std::ranges::binary_search(kept.given_up, CAP_DAC_OVERRIDE)},
      kept_{std::move(kept)} {}

Result<Confinement> Confinement::enter(std::span<const CollectorSpec> specs) {
  auto used = used_by(specs, [](const CollectorSpec& /*any*/) { return true; });
  used.push_back(CAP_NET_BIND_SERVICE);
  auto kept = sandbox::keep_capabilities(used);
  if (!kept) {
    return std::unexpected(kept.error());
  }
  return Confinement{specs, std::move(*kept)};
}

Result<void> Confinement::tighten(const Settings& settings) {
  auto kept = sandbox::keep_capabilities(used_by(settings, specs_));
  if (!kept) {
    return std::unexpected(kept.error());
  }
  kept_ = std::move(*kept);
  seccomp_ = settings.seccomp;
  return sandbox::filter_system_calls(seccomp_);
}

void Confinement::tell_what_takes_a_start(const Settings& settings) const {
  const sandbox::Capabilities used = used_by(settings, specs_);
  sandbox::Capabilities missed;
  std::ranges::copy_if(kept_.given_up, std::back_inserter(missed), [&](int capability) {
    return std::ranges::find(used, capability) != used.end();
  });
  if (!missed.empty()) {
    log_warn(
        "the new configuration makes use of capabilities that were given up at the start: restart "
        "kubecliff",
        {{"capabilities", sandbox::names(missed)}});
  }
  if (settings.seccomp != seccomp_) {
    log_warn("process.seccomp is another, which holds from the next start on: restart kubecliff",
             {});
  }
}

}  // namespace kubecliff
