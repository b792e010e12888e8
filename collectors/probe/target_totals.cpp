#include "collectors/probe/target_totals.h"

#include <cstddef>

namespace kubecliff::probe {
namespace {

using prometheus::MetricType;

// A SYN that is lost is sent again after 1 s and after 3 s: what took longer than the last two
// bounds has lost one and two.
constexpr std::array kBounds{0.0002, 0.0005, 0.001, 0.0025, 0.01, 0.1, 0.9, 2.9};

constexpr std::size_t kMostPaths = kMostTargets * kPaths.size();

constexpr std::array kFamilies{
    FamilySpec{
        .name = "kubecliff_probe_phase_seconds",
        .type = MetricType::Histogram,
        .help = "How long each phase of a request to the target took, on a fresh connection: "
                "resolve, connect (TCP alone), tls (the handshake), first_byte (from the request "
                "to the answer's begin), total (from start to the body's end). By way of the "
                "Service, and direct to an endpoint: their difference in connect is what the "
                "Service costs.",
        .labels = {"target", "path", "phase", "vantage"},
        .max_series = kMostPaths * kPhases.size(),
        .bounds = kBounds},
    FamilySpec{.name = "kubecliff_probe_success",
               .help = "1 where the last request to the target went well, 0 where it failed.",
               .labels = {"target", "path", "vantage"},
               .max_series = kMostPaths},
    FamilySpec{
        .name = "kubecliff_probe_failures_total",
        .type = MetricType::Counter,
        .help = "Requests to the target that failed, by what failed: resolve (no address for the "
                "name), connect (refused or unreachable), tls (handshake or certificate), timeout "
                "(no end in time), status (another than expected), body (broken off or too long), "
                "other.",
        .labels = {"target", "path", "reason", "vantage"},
        .max_series = kMostPaths * kReasons.size()},
};
constexpr const FamilySpec& kPhaseSeconds = kFamilies[0];
constexpr const FamilySpec& kSuccess = kFamilies[1];
constexpr const FamilySpec& kFailures = kFamilies[2];

}  // namespace

std::span<const FamilySpec> target_families() {
  return kFamilies;
}

TargetTotals::PathTotals::PathTotals(const Url& asked) : url{asked} {
  for (const Phase phase : kPhases) {
    if (has_phase(url, phase)) {
      phases[static_cast<std::size_t>(phase)] = std::make_unique<prometheus::Histogram>(
          prometheus::Histogram::BucketBoundaries{kBounds.begin(), kBounds.end()});
    }
  }
}

TargetTotals::TargetTotals(const Target& target) : name_{target.name} {
  for (const Path path : kPaths) {
    const auto i = static_cast<std::size_t>(path);
    if (target.urls[i]) {
      paths_[i].emplace(*target.urls[i]);
    }
  }
}

std::string TargetTotals::take_in(Path path, const Outcome& outcome) {
  PathTotals& totals = *paths_[static_cast<std::size_t>(path)];
  for (std::size_t i = 0; i < kPhases.size(); ++i) {
    if (outcome.phases[i] && totals.phases[i] != nullptr) {
      totals.phases[i]->Observe(seconds(*outcome.phases[i]));
    }
  }
  totals.asked_once = true;

  const std::optional<Reason> before = totals.failing;
  totals.failing = outcome.failure ? std::optional{outcome.failure->reason} : std::nullopt;
  if (totals.failing) {
    ++totals.failures[static_cast<std::size_t>(*totals.failing)];
  }
  if (totals.failing == before) {
    return {};
  }
  const std::string subject = "target " + name_ + ", " + std::string{name(path)} + " path: ";
  return subject + (outcome.failure ? "fails (" + std::string{name(outcome.failure->reason)} +
                                          "): " + outcome.failure->why
                                    : "works again");
}

void TargetTotals::add(std::string_view vantage, Samples& out) const {
  for (const Path path : kPaths) {
    if (const auto& totals = paths_[static_cast<std::size_t>(path)]) {
      add(path, *totals, vantage, out);
    }
  }
}

void TargetTotals::add(Path path, const PathTotals& totals, std::string_view vantage,
                       Samples& out) const {
  for (const Phase phase : kPhases) {
    if (const auto& histogram = totals.phases[static_cast<std::size_t>(phase)]) {
      out.add(kPhaseSeconds, {name_, name(path), name(phase), vantage}, histogram->Collect());
    }
  }
  if (totals.asked_once) {
    out.add(kSuccess, {name_, name(path), vantage}, totals.failing ? 0 : 1);
  }
  for (const Reason reason : kReasons) {
    const std::uint64_t failures = totals.failures[static_cast<std::size_t>(reason)];
    // What cannot be and yet was is not kept back.
    if (can_fail(totals.url, reason) || failures > 0) {
      out.add(kFailures, {name_, name(path), name(reason), vantage}, static_cast<double>(failures));
    }
  }
}

}  // namespace kubecliff::probe
