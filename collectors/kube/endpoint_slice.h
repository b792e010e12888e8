// EndpointSlice: of discovery.k8s.io/v1 and v1beta1, as far as kubecliff reads and writes one.
//
// Decoders are pure functions over JSON, which is not trusted: what is missing, of another type or
// too long is malformed, what is not known is passed over.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/core/result.h"
#include "collectors/kernel/address_family.h"

namespace kubecliff::kube {

using Annotations = std::map<std::string, std::string, std::less<>>;

struct EndpointSlice {
  std::string version = {};  // of discovery.k8s.io: v1 or v1beta1
  std::string name_space = {};
  std::string name = {};
  std::string resource_version = {};  // empty: one that is to be made
  std::string service = {};           // that it belongs to
  AddressFamily family = AddressFamily::ipv4;
  std::string address = {};    // of its one endpoint
  std::string port_name = {};  // as the Service has it
  std::uint16_t port = 0;
  Annotations annotations = {};
};

// The versions of discovery.k8s.io that are spoken here, the preferred one first.
inline constexpr std::string_view kDiscoveryGroup = "/apis/discovery.k8s.io";
// Out of what the API server serves at kDiscoveryGroup. Errors: unavailable where it has none.
[[nodiscard]] Result<std::string> decode_discovery(std::string_view json);

// Only what was read: resource version and annotations; the rest is of no interest here.
struct ReadSlice {
  std::string resource_version = {};
  Annotations annotations = {};
};
[[nodiscard]] Result<ReadSlice> decode_slice(std::string_view json);

struct SliceList {
  std::string resource_version = {};    // to watch from
  std::optional<ReadSlice> slice = {};  // the first one
};
[[nodiscard]] Result<SliceList> decode_slice_list(std::string_view json);

struct WatchEvent {
  enum class Kind : std::uint8_t { present, deleted, bookmark, error };

  Kind kind = Kind::present;
  ReadSlice slice = {};   // of a bookmark only the resource version
  std::int64_t code = 0;  // of an error, such as 410
  std::string message = {};
};
// One line of a watch.
[[nodiscard]] Result<WatchEvent> decode_watch_event(std::string_view line);

[[nodiscard]] std::string encode(const EndpointSlice& slice);

// Below which it is found by its name.
[[nodiscard]] std::string slices_path(std::string_view version, std::string_view name_space);

}  // namespace kubecliff::kube
