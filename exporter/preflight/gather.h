// Finds out what checks.h judges: by the collectors that read rules, servers and kube-proxy anyway,
// each asked once, and of the kernel's modules, kube-proxy's settings and mounts by looking.
// Changes nothing, loads nothing, starts nothing.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "collectors/core/collector.h"
#include "exporter/config/settings.h"
#include "exporter/preflight/facts.h"
#include "exporter/preflight/figures.h"
#include "exporter/preflight/target.h"

namespace kubecliff::preflight {

// Takes as long as the first refresh of these collectors, some 0.5 s for 5,000 Services, and up to
// 10 s where kube-proxy accepts connections and does not answer. What cannot be read, or is
// switched off in the settings, is nothing, with the reason in `unread`.
[[nodiscard]] Facts gather(Target target, const Settings& settings,
                           std::span<const CollectorSpec> specs,
                           const std::filesystem::path& sysfs = "/sys");

// What is in use, of the figures that belong to the mode; nothing where that mode's collector has
// found none, or the mode has none.
[[nodiscard]] std::optional<Features> features_of(std::string_view mode, const Figures& figures);

}  // namespace kubecliff::preflight
