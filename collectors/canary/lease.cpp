#include "collectors/canary/lease.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "collectors/kube/json.h"

namespace kubecliff::canary {

using kube::Json;
using kube::member;

namespace {

// As far as the API server counts.
constexpr std::int64_t kMostTransitions = INT32_MAX - 1;

}  // namespace

Result<Lease> decode_lease(std::string_view json) {
  const auto object = kube::parse_object(json);
  if (!object) {
    return std::unexpected(object.error());
  }
  const Json& spec = member(*object, "spec");
  const Json& transitions = member(spec, "leaseTransitions");
  Lease lease{
      .resource_version = kube::text(member(member(*object, "metadata"), "resourceVersion")),
      .holder = kube::text(member(spec, "holderIdentity")),
      .renewed = kube::text(member(spec, "renewTime")),
      .acquired = kube::text(member(spec, "acquireTime")),
      .transitions = transitions.is_number_integer() ? transitions.get<std::int64_t>() : 0};
  if (lease.resource_version.empty()) {
    return fail(ErrorKind::malformed, "the canary's Lease has no resourceVersion");
  }
  return lease;
}

std::string encode(const Lease& lease, std::string_view name_space, std::string_view name) {
  Json metadata{{"name", name}, {"namespace", name_space}};
  if (!lease.resource_version.empty()) {
    metadata["resourceVersion"] = lease.resource_version;
  }
  return Json{{"apiVersion", "coordination.k8s.io/v1"},
              {"kind", "Lease"},
              {"metadata", std::move(metadata)},
              {"spec",
               {{"holderIdentity", lease.holder},
                {"leaseDurationSeconds", Candidate::kDuration.count()},
                {"acquireTime", lease.acquired},
                {"renewTime", lease.renewed},
                {"leaseTransitions", lease.transitions}}}}
      .dump();
}

std::string leases_path(std::string_view name_space) {
  return "/apis/coordination.k8s.io/v1/namespaces/" + std::string{name_space} + "/leases";
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, sizeof("9999-12-31T23:59:59")> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - whole).count();
  std::string fraction = std::to_string(micros);
  fraction.insert(0, 6 - fraction.size(), '0');
  return std::string{text.data(), size} + "." + fraction + "Z";
}

std::optional<Lease> Candidate::claim(const std::optional<Lease>& held, Clock::time_point now,
                                      std::string_view wall_now) {
  if (!held) {
    return Lease{
        .holder = identity_, .renewed = std::string{wall_now}, .acquired = std::string{wall_now}};
  }
  if (seen_ != held) {
    seen_ = held;
    seen_at_ = now;
  }
  const bool ours = held->holder == identity_;
  if (!ours && !held->holder.empty() && now - seen_at_ < kDuration) {
    refused();
    return std::nullopt;
  }
  Lease claim = *held;
  claim.renewed = wall_now;
  if (!ours) {
    claim.holder = identity_;
    claim.acquired = wall_now;
    claim.transitions = std::min(claim.transitions, kMostTransitions) + 1;
  }
  return claim;
}

}  // namespace kubecliff::canary
