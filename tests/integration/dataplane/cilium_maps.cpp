#include "tests/integration/dataplane/cilium_maps.h"

#include <linux/bpf.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace kubecliff::test {
namespace {

// struct lb4_key and struct lb4_service have that many bytes.
constexpr std::uint32_t kSize = 12;

std::uint64_t address_of(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

long must_bpf(bpf_cmd command, bpf_attr& attributes) {
  const long result = ::syscall(SYS_bpf, command, &attributes, sizeof(attributes));
  if (result < 0) {
    throw std::system_error{errno, std::generic_category(), "bpf"};
  }
  return result;
}

void make(bpf_map_type type, std::uint32_t key_size, std::uint32_t max_entries,
          const std::filesystem::path& pin) {
  bpf_attr attributes{};
  attributes.map_type = type;
  attributes.key_size = key_size;
  attributes.value_size = kSize;
  attributes.max_entries = max_entries;
  const UniqueFd map{static_cast<int>(must_bpf(BPF_MAP_CREATE, attributes))};
  bpf_attr pinned{};
  pinned.pathname = address_of(pin.c_str());
  pinned.bpf_fd = static_cast<std::uint32_t>(map.get());
  must_bpf(BPF_OBJ_PIN, pinned);
}

}  // namespace

CiliumMaps::CiliumMaps() {
  if (::unshare(CLONE_NEWNS) < 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
      ::mount("bpf", tree_.path().c_str(), "bpf", 0, nullptr) < 0) {
    throw std::system_error{errno, std::generic_category(), "mount a bpffs"};
  }
  std::filesystem::create_directories(tree_.path() / "tc" / "globals");
}

CiliumMaps::~CiliumMaps() {
  ::umount2(tree_.path().c_str(), MNT_DETACH);
}

std::filesystem::path CiliumMaps::pin(std::string_view name) const {
  return tree_.path() / "tc" / "globals" / name;
}

void CiliumMaps::add(std::string_view name, std::uint32_t entries, std::uint32_t max_entries) {
  make(BPF_MAP_TYPE_HASH, kSize, max_entries, pin(name));
  fill(name, entries);
}

void CiliumMaps::fill(std::string_view name, std::uint32_t entries) const {
  bpf_attr opened{};
  const std::filesystem::path path = pin(name);
  opened.pathname = address_of(path.c_str());
  const UniqueFd map{static_cast<int>(must_bpf(BPF_OBJ_GET, opened))};
  std::array<char, kSize> key{};
  for (std::uint32_t i = 0; i < entries; ++i) {
    std::memcpy(key.data(), &i, sizeof(i));
    bpf_attr attributes{};
    attributes.map_fd = static_cast<std::uint32_t>(map.get());
    attributes.key = address_of(key.data());
    attributes.value = address_of(key.data());
    must_bpf(BPF_MAP_UPDATE_ELEM, attributes);
  }
}

void CiliumMaps::add_array(std::string_view name) const {
  make(BPF_MAP_TYPE_ARRAY, sizeof(std::uint32_t), 1, pin(name));
}

}  // namespace kubecliff::test
