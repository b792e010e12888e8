#include "collectors/core/service_endpoints.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <type_traits>
#include <utility>

#define XXH_INLINE_ALL  // a key is some twenty bytes, too few to pay for a call
#include <xxhash.h>

namespace kubecliff {
namespace {

constexpr std::size_t kIpv4Size = 4;
constexpr std::size_t kLongestAddress = 16;

std::uint64_t seed() {
  static const std::uint64_t drawn = [] {
    std::random_device device;
    return std::uint64_t{device()} << 32U | device();
  }();
  return drawn;
}

inline std::uint64_t hash(const void* data, std::size_t size) {
  return std::max<std::uint64_t>(1, XXH3_64bits_withSeed(data, size, seed()));
}

// A size that the compiler knows makes the hash a few multiplications.
std::uint64_t hash_address(std::uint8_t protocol, AddressBytes address, std::uint16_t port) {
  struct {
    std::array<std::byte, kLongestAddress> address{};
    std::uint32_t address_size = 0;  // no address of one family is one of the other
    std::uint16_t port = 0;
    std::uint16_t protocol = 0;
  } all;
  static_assert(std::has_unique_object_representations_v<decltype(all)>);

  const std::size_t size = std::min(address.size(), kLongestAddress);
  if (size == kIpv4Size) {
    std::memcpy(all.address.data(), address.data(), kIpv4Size);
  } else {
    std::memcpy(all.address.data(), address.data(), size);
  }
  all.address_size = static_cast<std::uint32_t>(size);
  all.port = port;
  all.protocol = protocol;
  return hash(&all, sizeof(all));
}

}  // namespace

std::uint64_t service_key(std::uint8_t protocol, AddressBytes address, std::uint16_t port) {
  return hash_address(protocol, address, port);
}

std::uint64_t node_port_key(std::uint8_t protocol, std::size_t address_size, std::uint16_t port) {
  // No Service has the unspecified address.
  constexpr std::array<std::byte, kLongestAddress> kUnspecified{};
  return hash_address(
      protocol, AddressBytes{kUnspecified}.first(std::min(address_size, kLongestAddress)), port);
}

std::uint64_t backend_key(AddressBytes address, std::uint16_t port) {
  return hash_address(0, address, port);
}

std::uint64_t endpoint_key(std::uint64_t service, std::uint64_t backend) {
  const std::array both{service, backend};
  return hash(both.data(), sizeof(both));
}

std::uint64_t name_key(std::span<const char> name) {
  return hash(name.data(), name.size());
}

KeySet::KeySet(std::span<const std::uint64_t> keys) {
  if (keys.empty()) {
    return;
  }
  slots_.resize(keys.size() + keys.size() / 2 + 1);
  for (const std::uint64_t key : keys) {
    std::size_t at = first_slot(key);
    while (slots_[at] != kFree && slots_[at] != key) {
      at = at + 1 == slots_.size() ? 0 : at + 1;
    }
    size_ += slots_[at] == kFree ? 1U : 0U;
    slots_[at] = key;
  }
}

void ServiceEndpoints::tell(Source source, std::size_t family, Look look,
                            std::shared_ptr<const EndpointSet> set) {
  const std::scoped_lock lock{mutex_};
  // What is replaced goes after the lock has gone.
  Told& told = told_[index(source, family)];
  std::swap(told.set, set);
  told.version = look.ticket;
  told.ticket = look.ticket;
  told.looked_at = look.at;
}

void ServiceEndpoints::confirm(Source source, std::size_t family, Look look,
                               const EndpointSet* mine) {
  const std::scoped_lock lock{mutex_};
  Told& told = told_[index(source, family)];
  if (told.set.get() == mine) {
    told.ticket = look.ticket;
    told.looked_at = look.at;
  }
}

void ServiceEndpoints::presume(Source source, std::size_t family, Look look,
                               const EndpointSet* mine) {
  const std::scoped_lock lock{mutex_};
  Told& told = told_[index(source, family)];
  if (told.set.get() == mine) {
    told.looked_at = look.at;
  }
}

void ServiceEndpoints::withdraw(Source source, std::size_t family, const EndpointSet* mine) {
  const std::scoped_lock lock{mutex_};
  Told& told = told_[index(source, family)];
  if (told.set.get() == mine) {
    told = {};
  }
}

void ServiceEndpoints::ask_for_look_after(Look look) {
  wanted_after_ = look.ticket;
}

ServiceEndpoints::All ServiceEndpoints::all() const {
  const std::scoped_lock lock{mutex_};
  return told_;
}

}  // namespace kubecliff
