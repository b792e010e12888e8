#include "collectors/dataplane/service_maps.h"

#include <linux/bpf.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "collectors/kernel/unique_fd.h"

namespace kubecliff::dataplane {
namespace {

struct KnownMap {
  std::string_view name;
  std::array<std::string_view, 2> pins;  // the newer one first
};

// pkg/maps/lbmap of Cilium.
constexpr std::array<KnownMap, 4> kMaps{{
    {"lb4_services", {"cilium_lb4_services_v2", "cilium_lb4_services"}},
    {"lb6_services", {"cilium_lb6_services_v2", "cilium_lb6_services"}},
    {"lb4_backends", {"cilium_lb4_backends_v3", "cilium_lb4_backends_v2"}},
    {"lb6_backends", {"cilium_lb6_backends_v3", "cilium_lb6_backends_v2"}},
}};
// Neighbours of NodePort traffic: only where Cilium takes kube-proxy's place.
constexpr std::array<std::string_view, 2> kReplacementPins{"cilium_nodeport_neigh4",
                                                           "cilium_nodeport_neigh6"};

// Larger ones than these are not what they are taken for.
constexpr std::uint32_t kMostEntries = 1U << 22U;
constexpr std::uint32_t kMostBytes = 4'096;  // of a key or a value
constexpr std::uint32_t kBatch = 4'096;

long bpf(bpf_cmd command, bpf_attr& attributes) {
  return ::syscall(SYS_bpf, command, &attributes, sizeof(attributes));
}

std::uint64_t address_of(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

Result<UniqueFd> open_pin(const std::filesystem::path& pin) {
  bpf_attr attributes{};
  attributes.pathname = address_of(pin.c_str());
  attributes.file_flags = BPF_F_RDONLY;
  UniqueFd map{static_cast<int>(bpf(BPF_OBJ_GET, attributes))};
  if (!map.valid()) {
    return fail_errno(errno, pin.native());
  }
  return map;
}

Result<bpf_map_info> read_info(const UniqueFd& map, const std::filesystem::path& pin) {
  bpf_map_info info{};
  bpf_attr attributes{};
  attributes.info.bpf_fd = static_cast<std::uint32_t>(map.get());
  attributes.info.info_len = sizeof(info);
  attributes.info.info = address_of(&info);
  if (bpf(BPF_OBJ_GET_INFO_BY_FD, attributes) < 0) {
    return fail_errno(errno, pin.native());
  }
  const bool hash = info.type == BPF_MAP_TYPE_HASH || info.type == BPF_MAP_TYPE_LRU_HASH;
  if (!hash || info.max_entries > kMostEntries || info.key_size > kMostBytes ||
      info.value_size > kMostBytes) {
    return fail(ErrorKind::malformed, pin.native() + ": not a map of Services");
  }
  return info;
}

// Nothing where the kernel has no batches.
Result<std::optional<std::uint32_t>> count_entries(const UniqueFd& map, const bpf_map_info& info,
                                                   const std::filesystem::path& pin) {
  // A batch ends at the end of a bucket, so it needs room for the longest: the kernel says so by
  // ENOSPC.
  std::uint32_t room = kBatch;
  std::vector<std::byte> keys(std::size_t{room} * info.key_size);
  std::vector<std::byte> values(std::size_t{room} * info.value_size);
  std::uint32_t position = 0;
  bool begun = false;
  std::uint32_t entries = 0;
  while (true) {
    std::uint32_t next = 0;
    bpf_attr attributes{};
    attributes.batch.in_batch = begun ? address_of(&position) : 0;
    attributes.batch.out_batch = address_of(&next);
    attributes.batch.keys = address_of(keys.data());
    attributes.batch.values = address_of(values.data());
    attributes.batch.count = room;
    attributes.batch.map_fd = static_cast<std::uint32_t>(map.get());
    const bool more = bpf(BPF_MAP_LOOKUP_BATCH, attributes) == 0;
    const int error = more ? 0 : errno;
    if (error == ENOSPC && room < kMostEntries) {
      room *= 2;
      keys.resize(std::size_t{room} * info.key_size);
      values.resize(std::size_t{room} * info.value_size);
      continue;
    }
    if (error == EINVAL && !begun) {
      return std::nullopt;
    }
    if (error != 0 && error != ENOENT) {
      return fail_errno(error, pin.native());
    }
    entries += attributes.batch.count;
    if (!more || attributes.batch.count == 0 || entries > info.max_entries) {
      return std::min(entries, info.max_entries);
    }
    position = next;
    begun = true;
  }
}

Result<ServiceMap> read_map(std::string_view name, const std::filesystem::path& pin) {
  ServiceMap map{.name = name, .entries = {}, .max_entries = {}};
  const Result<UniqueFd> opened = open_pin(pin);
  if (!opened) {
    return opened.error().kind == ErrorKind::denied
               ? Result<ServiceMap>{map}
               : Result<ServiceMap>{std::unexpected(opened.error())};
  }
  const Result<bpf_map_info> info = read_info(*opened, pin);
  if (!info) {
    return std::unexpected(info.error());
  }
  map.max_entries = info->max_entries;
  const auto entries = count_entries(*opened, *info, pin);
  if (!entries) {
    return std::unexpected(entries.error());
  }
  map.entries = *entries;
  return map;
}

}  // namespace

Result<std::optional<ServiceMaps>> read_service_maps(const std::filesystem::path& bpf_fs) {
  struct statfs mounted{};
  if (::statfs(bpf_fs.c_str(), &mounted) < 0 || mounted.f_type != BPF_FS_MAGIC ||
      ::access(bpf_fs.c_str(), X_OK) < 0) {
    return std::nullopt;
  }
  const std::filesystem::path directory = bpf_fs / "tc" / "globals";
  const auto pinned = [&](std::string_view pin) {
    std::error_code ignored;
    return std::filesystem::exists(directory / pin, ignored);
  };
  ServiceMaps found;
  for (const auto& [name, pins] : kMaps) {
    const auto* const pin = std::ranges::find_if(pins, pinned);
    if (pin == pins.end()) {
      continue;
    }
    Result<ServiceMap> map = read_map(name, directory / *pin);
    if (!map) {
      return std::unexpected(std::move(map.error()));
    }
    found.maps.push_back(*map);
  }
  found.replaces_kube_proxy = std::ranges::any_of(kReplacementPins, pinned);
  return found;
}

}  // namespace kubecliff::dataplane
