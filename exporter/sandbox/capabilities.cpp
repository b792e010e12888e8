#include "exporter/sandbox/capabilities.h"

#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>

#include <cap-ng.h>

namespace kubecliff::sandbox {

Result<Kept> keep_capabilities(std::span<const int> used) {
  if (capng_get_caps_process() != 0) {
    return fail(ErrorKind::unavailable, "this process' capabilities cannot be read");
  }
  Kept kept;
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (capng_have_capability(CAPNG_PERMITTED, static_cast<unsigned>(capability)) != 0) {
      auto& its = std::ranges::find(used, capability) != used.end() ? kept.kept : kept.given_up;
      its.push_back(capability);
    }
  }

  const bool may_change_bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
  capng_clear(CAPNG_SELECT_ALL);
  for (const int capability : kept.kept) {
    capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                 static_cast<unsigned>(capability));
  }
  // libcap-ng applies the bounding set first, while CAP_SETPCAP is there.
  if (capng_apply(may_change_bounds ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0) {
    return fail_errno(errno, "capabilities cannot be given up");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail_errno(errno, "prctl(PR_SET_NO_NEW_PRIVS)");
  }
  return kept;
}

std::string names(std::span<const int> capabilities) {
  std::string text;
  for (const int capability : capabilities) {
    const char* name = capng_capability_to_name(static_cast<unsigned>(capability));
    text += (text.empty() ? "" : ",") + (name != nullptr ? name : std::to_string(capability));
  }
  return text.empty() ? "none" : text;
}

}  // namespace kubecliff::sandbox
