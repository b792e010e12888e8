#include "collectors/kernel/host_network.h"

#include <sys/stat.h>

#include <cerrno>

namespace kubecliff {

Result<bool> in_first_network_namespace(const std::filesystem::path& procfs) {
  const std::filesystem::path path = procfs / "sys/net/netfilter/nf_conntrack_max";
  struct stat status{};
  if (::stat(path.c_str(), &status) < 0) {
    return fail_errno(errno, path.native());
  }
  return (status.st_mode & S_IWUSR) != 0;
}

}  // namespace kubecliff
