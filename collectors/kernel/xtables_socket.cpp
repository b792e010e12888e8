#include "collectors/kernel/xtables_socket.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <ranges>
#include <utility>

namespace kubecliff::xtables {
namespace {

// Both families answer in the same shapes, under the same option numbers.
static_assert(sizeof(ipt_getinfo) == sizeof(ip6t_getinfo));
static_assert(offsetof(ipt_get_entries, entrytable) == offsetof(ip6t_get_entries, entrytable));
static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO && IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES);

constexpr std::size_t kAnswerHeader = offsetof(ipt_get_entries, entrytable);

int level(AddressFamily family) {
  return family == AddressFamily::ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
}

// The name as the kernel's fixed field takes it: NUL-terminated, zero-filled.
void copy_name(char (&field)[XT_TABLE_MAXNAMELEN], std::string_view table) {
  std::memset(field, 0, sizeof(field));
  std::memcpy(field, table.data(), std::min(table.size(), sizeof(field) - 1));
}

std::string described(std::string_view request, AddressFamily family, std::string_view table) {
  std::string text{request};
  text += " of legacy ";
  text += family == AddressFamily::ipv4 ? "iptables" : "ip6tables";
  text += " table ";
  text += table;
  return text;
}

}  // namespace

TableBlob::TableBlob(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return;
  }
  // A hundred megabytes in pages of 4 KiB are 25,000 page faults, all taken under the table's
  // mutex.
  ::madvise(memory, size, MADV_HUGEPAGE);
  memory_ = static_cast<std::byte*>(memory);
  size_ = size;
}

TableBlob::TableBlob(TableBlob&& other) noexcept
    : memory_{std::exchange(other.memory_, nullptr)}, size_{std::exchange(other.size_, 0)} {}

TableBlob& TableBlob::operator=(TableBlob&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  return *this;
}

TableBlob::~TableBlob() {
  if (memory_ != nullptr) {
    ::munmap(memory_, size_);
  }
}

Bytes TableBlob::entries() const {
  return Bytes{memory_, size_}.subspan(kAnswerHeader);
}

LoadedTables::LoadedTables(const std::filesystem::path& procfs, AddressFamily family)
    : names_{procfs /
             (family == AddressFamily::ipv4 ? "net/ip_tables_names" : "net/ip6_tables_names")} {}

Result<std::vector<std::string>> LoadedTables::read() {
  const Result<std::string_view> text = names_.read();
  if (!text) {
    return std::unexpected(text.error());
  }
  std::vector<std::string> tables;
  for (const auto line : std::views::split(*text, '\n')) {
    if (!line.empty()) {
      tables.emplace_back(line.begin(), line.end());
    }
  }
  return tables;
}

Result<Socket> Socket::open(AddressFamily family) {
  UniqueFd fd{::socket(af(family), SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!fd.valid()) {
    return fail_errno(errno, "open socket for legacy iptables");
  }
  return Socket{std::move(fd), family};
}

Result<TableInfo> Socket::info(std::string_view table) const {
  ipt_getinfo answer{};
  copy_name(answer.name, table);
  socklen_t size = sizeof(answer);
  if (::getsockopt(fd_.get(), level(family_), IPT_SO_GET_INFO, &answer, &size) < 0) {
    const int error = errno;
    const std::string what = described("read size", family_, table);
    return fail_errno(error, error == EPERM ? what + " (needs CAP_NET_ADMIN)" : what);
  }

  TableInfo info{
      .valid_hooks = answer.valid_hooks, .entries = answer.num_entries, .bytes = answer.size};
  std::ranges::copy(answer.hook_entry, info.hook_entry.begin());
  std::ranges::copy(answer.underflow, info.underflow.begin());
  return info;
}

Result<TableBlob> Socket::entries(std::string_view table, const TableInfo& info) const {
  TableBlob blob{kAnswerHeader + info.bytes};
  if (!blob.valid() || blob.size() > std::numeric_limits<socklen_t>::max()) {
    return fail(ErrorKind::internal, ENOMEM, described("no memory for entries", family_, table));
  }
  ipt_get_entries request{};
  copy_name(request.name, table);
  request.size = info.bytes;
  std::memcpy(blob.data(), &request, kAnswerHeader);

  auto size = static_cast<socklen_t>(blob.size());
  if (::getsockopt(fd_.get(), level(family_), IPT_SO_GET_ENTRIES, blob.data(), &size) < 0) {
    if (errno == EAGAIN || errno == EINVAL) {
      return fail(ErrorKind::torn, errno, described("size changed during read", family_, table));
    }
    return fail_errno(errno, described("read entries", family_, table));
  }
  return blob;
}

}  // namespace kubecliff::xtables
