#include "collectors/kube/endpoint_slice.h"

#include <algorithm>
#include <array>
#include <utility>

#include "collectors/kube/json.h"

namespace kubecliff::kube {
namespace {

// v1 is there since Kubernetes 1.21, v1beta1 until 1.24.
constexpr std::array<std::string_view, 2> kVersions{"v1", "v1beta1"};

ReadSlice read_slice(const Json& object) {
  const Json& metadata = member(object, "metadata");
  ReadSlice slice{.resource_version = text(member(metadata, "resourceVersion"))};
  const Json& annotations = member(metadata, "annotations");
  if (annotations.is_object()) {
    for (const auto& [name, value] : annotations.items()) {
      slice.annotations.emplace(name, text(value));
    }
  }
  return slice;
}

Result<ReadSlice> whole(ReadSlice slice) {
  if (slice.resource_version.empty()) {
    return fail(ErrorKind::malformed, "an object of the API server has no resourceVersion");
  }
  return slice;
}

}  // namespace

Result<std::string> decode_discovery(std::string_view json) {
  const auto group = parse_object(json);
  if (!group) {
    return std::unexpected(group.error());
  }
  const Json& versions = member(*group, "versions");
  for (const std::string_view version : kVersions) {
    if (versions.is_array() && std::ranges::any_of(versions, [&](const Json& served) {
          return text(member(served, "version")) == version;
        })) {
      return std::string{version};
    }
  }
  return fail(ErrorKind::unavailable,
              "the API server has no EndpointSlices of discovery.k8s.io/v1 or v1beta1");
}

Result<ReadSlice> decode_slice(std::string_view json) {
  const auto object = parse_object(json);
  if (!object) {
    return std::unexpected(object.error());
  }
  return whole(read_slice(*object));
}

Result<SliceList> decode_slice_list(std::string_view json) {
  const auto object = parse_object(json);
  if (!object) {
    return std::unexpected(object.error());
  }
  auto list = whole(read_slice(*object));
  if (!list) {
    return std::unexpected(list.error());
  }
  SliceList found{.resource_version = std::move(list->resource_version)};
  const Json& items = member(*object, "items");
  if (items.is_array() && !items.empty()) {
    found.slice = read_slice(items.front());
  }
  return found;
}

Result<WatchEvent> decode_watch_event(std::string_view line) {
  const auto json = parse_object(line);
  if (!json) {
    return std::unexpected(json.error());
  }
  const std::string type = text(member(*json, "type"));
  const Json& object = member(*json, "object");
  if (type == "ERROR") {
    const Json& code = member(object, "code");
    return WatchEvent{.kind = WatchEvent::Kind::error,
                      .code = code.is_number_integer() ? code.get<std::int64_t>() : 0,
                      .message = text(member(object, "message"))};
  }
  auto slice = whole(read_slice(object));
  if (!slice) {
    return std::unexpected(slice.error());
  }
  if (type == "ADDED" || type == "MODIFIED") {
    return WatchEvent{.kind = WatchEvent::Kind::present, .slice = std::move(*slice)};
  }
  if (type == "DELETED") {
    return WatchEvent{.kind = WatchEvent::Kind::deleted, .slice = std::move(*slice)};
  }
  if (type == "BOOKMARK") {
    return WatchEvent{.kind = WatchEvent::Kind::bookmark, .slice = std::move(*slice)};
  }
  return fail(ErrorKind::malformed, "an event of a watch is of the unknown type \"" + type + "\"");
}

std::string encode(const EndpointSlice& slice) {
  Json metadata{{"name", slice.name},
                {"namespace", slice.name_space},
                {"labels",
                 {{"kubernetes.io/service-name", slice.service},
                  // Whoever else writes EndpointSlices leaves alone what is not theirs.
                  {"endpointslice.kubernetes.io/managed-by", "kubecliff"}}},
                {"annotations", slice.annotations}};
  if (!slice.resource_version.empty()) {
    metadata["resourceVersion"] = slice.resource_version;
  }
  const Json object{
      {"apiVersion", "discovery.k8s.io/" + slice.version},
      {"kind", "EndpointSlice"},
      {"metadata", std::move(metadata)},
      {"addressType", slice.family == AddressFamily::ipv4 ? "IPv4" : "IPv6"},
      // Json{{…}} would be the object itself, not an array of one.
      {"ports",
       Json::array({{{"name", slice.port_name}, {"port", slice.port}, {"protocol", "TCP"}}})},
      {"endpoints", Json::array({{{"addresses", Json::array({slice.address})},
                                  {"conditions", {{"ready", true}}}}})}};
  return object.dump();
}

std::string slices_path(std::string_view version, std::string_view name_space) {
  return std::string{kDiscoveryGroup} + "/" + std::string{version} + "/namespaces/" +
         std::string{name_space} + "/endpointslices";
}

}  // namespace kubecliff::kube
