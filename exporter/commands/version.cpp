#include "exporter/commands/version.h"

namespace kubecliff {

// The three come from CMake, for this file alone.
BuildInfo build_info() {
  return {
      .version = KUBECLIFF_VERSION, .revision = KUBECLIFF_REVISION, .compiler = KUBECLIFF_COMPILER};
}

std::string version_line() {
  const BuildInfo build = build_info();
  return "kubecliff " + build.version + " (revision " + build.revision + ", " + build.compiler +
         ")";
}

}  // namespace kubecliff
