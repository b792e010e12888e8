#include "collectors/kernel/host_network.h"

#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace kubecliff {
namespace {

bool names(const std::filesystem::path& link, std::string_view inode) {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::read_symlink(link, error);
  return error || target.native().find(inode) != std::string::npos;
}

}  // namespace

Result<bool> in_first_network_namespace(const std::filesystem::path& procfs) {
  const std::filesystem::path path = procfs / "sys/net/netfilter/nf_conntrack_max";
  struct stat status{};
  if (::stat(path.c_str(), &status) < 0) {
    return fail_errno(errno, path.native());
  }
  return (status.st_mode & S_IWUSR) != 0;
}

bool in_first_process_namespace(const std::filesystem::path& procfs) {
  return names(procfs / "self/ns/pid", "4026531836");
}

bool in_first_user_namespace(const std::filesystem::path& procfs) {
  return names(procfs / "self/ns/user", "4026531837");
}

}  // namespace kubecliff
