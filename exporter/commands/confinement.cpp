#include "exporter/commands/confinement.h"

#include <linux/capability.h>

#include <algorithm>
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

sandbox::Capabilities used_by(const Settings& settings, std::span<const CollectorSpec> specs) {
  sandbox::Capabilities used;
  for (const CollectorSpec& spec : specs) {
    if (settings.collectors.contains(spec.name)) {
      used.insert(used.end(), spec.capabilities.begin(), spec.capabilities.end());
    }
  }
  if (std::ranges::any_of(settings.listen_addresses, is_privileged_port)) {
    used.push_back(CAP_NET_BIND_SERVICE);
  }
  return used;
}

}  // namespace

Result<Confinement> Confinement::enter(const Settings& settings,
                                       std::span<const CollectorSpec> specs) {
  auto kept = sandbox::keep_capabilities(used_by(settings, specs));
  if (!kept) {
    return std::unexpected(kept.error());
  }
  if (const auto filtered = sandbox::filter_system_calls(settings.seccomp); !filtered) {
    return std::unexpected(filtered.error());
  }
  return Confinement{specs, std::move(*kept), settings.seccomp};
}

void Confinement::tell_what_takes_a_start(const Settings& settings) const {
  sandbox::Capabilities missed = used_by(settings, specs_);
  std::erase_if(missed, [this](int capability) {
    return !std::ranges::binary_search(kept_.given_up, capability);
  });
  std::ranges::sort(missed);
  missed.erase(std::ranges::unique(missed).begin(), missed.end());
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
