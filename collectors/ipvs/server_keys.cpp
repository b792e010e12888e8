#include "collectors/ipvs/server_keys.h"

#include <utility>

namespace kubecliff::ipvs {
namespace {

std::vector<std::uint64_t> all_of(const std::vector<std::uint64_t>& one,
                                  const std::vector<std::uint64_t>& other) {
  std::vector<std::uint64_t> all;
  all.reserve(one.size() + other.size());
  all.insert(all.end(), one.begin(), one.end());
  all.insert(all.end(), other.begin(), other.end());
  return all;
}

}  // namespace

void ServerTeller::tell(ServiceEndpoints::Look look, ServerKeys keys) {
  const bool same = last_ && keys == *last_;
  if (last_) {
    const ServiceEndpoints::Look since{.ticket = last_look_.ticket, .at = look.at};
    if (same && told_last_) {
      teller_.confirm(since);
    } else if (same) {
      teller_.tell(since, std::make_shared<const EndpointSet>(keys.services(), keys.endpoints()));
    } else {
      teller_.tell(
          since, std::make_shared<const EndpointSet>(all_of(last_->services(), keys.services()),
                                                     all_of(last_->endpoints(), keys.endpoints())));
    }
    told_last_ = same;
  }
  last_ = std::move(keys);
  last_look_ = look;
}

void ServerTeller::withdraw() {
  teller_.withdraw();
  last_.reset();
  told_last_ = false;
}

}  // namespace kubecliff::ipvs
