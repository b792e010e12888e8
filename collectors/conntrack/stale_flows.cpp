#include "collectors/conntrack/stale_flows.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "collectors/conntrack/flow_text.h"

namespace kubecliff::conntrack {
namespace {

constexpr std::size_t kIpv4Size = 4;

bool knows_services(const ServiceEndpoints::All& all) {
  return std::ranges::any_of(
      all, [](const auto& told) { return told.set != nullptr && told.set->services() > 0; });
}

// In sizes that the compiler knows.
void keep_address(Bytes address, std::array<std::byte, 16>& to) {
  if (address.size() == kIpv4Size) {
    std::memcpy(to.data(), address.data(), kIpv4Size);
  } else if (address.size() == to.size()) {
    std::memcpy(to.data(), address.data(), to.size());
  } else {
    to = {};
  }
}

}  // namespace

void StaleFlows::Ends::keep(const FlowTuple& tuple) {
  keep_address(tuple.source, source);
  keep_address(tuple.destination, destination);
  source_port = tuple.source_port;
  destination_port = tuple.destination_port;
}

FlowTuple StaleFlows::Ends::tuple(std::size_t address_size) const {
  return {.source = Bytes{source}.first(address_size),
          .destination = Bytes{destination}.first(address_size),
          .source_port = source_port,
          .destination_port = destination_port};
}

void StaleFlows::begin_dump(Clock::time_point now) {
  if (pending_ && now - look_.at < kPatience) {
    return;
  }
  pending_ = false;
  collecting_ = true;
  overflowed_ = false;
  candidates_.clear();
  examples_.clear();
  batched_ = 0;
  look_.at = now;
  told_ = endpoints_->all();
  knew_services_ = knows_services(told_);
  for (std::size_t family = 0; family < sets_.size(); ++family) {
    sets_[family].clear();
    for (std::size_t source = 0; source < ServiceEndpoints::kSources; ++source) {
      const auto& told =
          told_[ServiceEndpoints::index(static_cast<ServiceEndpoints::Source>(source), family)];
      if (told.set != nullptr && told.set->services() > 0) {
        sets_[family].push_back(told.set.get());
      }
    }
  }
}

void StaleFlows::add(const Flow& flow) {
  const Bytes to = flow.original.destination;
  const Bytes by = flow.reply.source;
  const std::uint16_t port = flow.original.destination_port;
  if (!collecting_ || flow.zoned || to.empty() || to.size() != by.size()) {
    return;
  }
  // IPVS changes the reply's tuple and leaves IPS_DST_NAT alone, so that it is compared.
  if (port == flow.reply.source_port && std::ranges::equal(to, by)) {
    return;
  }
  const Sets& sets = sets_of(to.size());
  const auto protocol = std::ranges::find(kProtocols, flow.protocol);
  if (sets.empty() || protocol == kProtocols.end()) {
    return;
  }

  Translated& translated = batch_[batched_];
  translated.service = service_key(flow.protocol, to, port);
  translated.backend = backend_key(by, flow.reply.source_port);
  translated.endpoint = endpoint_key(translated.service, translated.backend);
  translated.protocol = static_cast<std::size_t>(protocol - kProtocols.begin());
  translated.address_size = to.size();
  translated.original.keep(flow.original);
  translated.reply.keep(flow.reply);
  for (const EndpointSet* set : sets) {
    set->prefetch(translated.service, translated.endpoint);
  }
  if (++batched_ == batch_.size()) {
    look_up_batch();
  }
}

const StaleFlows::Sets& StaleFlows::sets_of(std::size_t address_size) const {
  return sets_[address_size == kIpv4Size ? 0 : 1];
}

void StaleFlows::look_up_batch() {
  const std::size_t flows = std::exchange(batched_, 0);
  for (std::size_t i = 0; i < flows; ++i) {
    look_up(batch_[i]);
  }
}

void StaleFlows::look_up(Translated& flow) {
  const Sets& sets = sets_of(flow.address_size);
  const auto is_service = [&](std::uint64_t key) {
    return std::ranges::any_of(sets,
                               [key](const EndpointSet* set) { return set->has_service(key); });
  };
  if (!is_service(flow.service)) {
    flow.service =
        node_port_key(kProtocols[flow.protocol], flow.address_size, flow.original.destination_port);
    if (!is_service(flow.service)) {
      return;  // somebody else's translation, or a Service that is gone
    }
    flow.endpoint = endpoint_key(flow.service, flow.backend);
  }
  const auto has_it = [&](const EndpointSet* set) { return set->has_endpoint(flow.endpoint); };
  if (std::ranges::any_of(sets, has_it)) {
    return;
  }

  const auto known = candidates_.find(flow.endpoint);
  if (known != candidates_.end()) {
    ++known->second.flows;
  } else if (candidates_.size() < kMostCandidates) {
    candidates_.emplace(flow.endpoint,
                        Candidate{.service = flow.service, .flows = 1, .protocol = flow.protocol});
    add_example(flow);
  } else {
    overflowed_ = true;
  }
}

void StaleFlows::add_example(const Translated& flow) {
  if (examples_.size() < kMostExamples && kProtocols[flow.protocol] == IPPROTO_UDP &&
      !was_stale(flow.endpoint)) {
    examples_.emplace_back(flow.endpoint,
                           flow_text(IPPROTO_UDP, flow.original.tuple(flow.address_size),
                                     flow.reply.tuple(flow.address_size)));
  }
}

bool StaleFlows::was_stale(std::uint64_t endpoint) const {
  return judged_ && std::ranges::binary_search(judged_->stale, endpoint);
}

void StaleFlows::end_dump() {
  if (!std::exchange(collecting_, false)) {
    return;
  }
  look_up_batch();
  sets_ = {};
  told_ = {};
  look_.ticket = endpoints_->begin(look_.at).ticket;
  pending_ = true;
  nothing_new_ = all_were_stale();
  if (!nothing_new_) {
    endpoints_->ask_for_look_after(look_);
  }
}

bool StaleFlows::all_were_stale() const {
  return std::ranges::all_of(candidates_,
                             [this](const auto& candidate) { return was_stale(candidate.first); });
}

// Whether what is told is enough to judge by.
bool StaleFlows::is_settled(const ServiceEndpoints::Told& told, std::size_t index,
                            Clock::time_point now) const {
  if (told.set == nullptr) {
    return true;
  }
  if (now - told.looked_at >= kPatience) {
    return false;  // whoever told it is away
  }
  // What was stale by a set stays so by the same one.
  const bool same = judged_ && judged_->versions[index] == told.version;
  return told.ticket > look_.ticket || candidates_.empty() || (nothing_new_ && same);
}

bool StaleFlows::judge(Clock::time_point now) {
  if (!pending_) {
    return false;
  }
  const ServiceEndpoints::All all = endpoints_->all();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!is_settled(all[i], i, now)) {
      return false;
    }
  }

  pending_ = false;
  example_.reset();
  if (!knows_services(all)) {
    judged_.reset();
    return true;
  }
  Judged judged{.dumped_at = look_.at};
  std::ranges::transform(all, judged.versions.begin(), &ServiceEndpoints::Told::version);
  for (const auto& [endpoint, candidate] : candidates_) {
    bool service = false;
    bool present = false;
    for (const ServiceEndpoints::Told& told : all) {
      if (told.set != nullptr) {
        service |= told.set->has_service(candidate.service);
        present |= told.set->has_endpoint(endpoint);
      }
    }
    if (service && !present) {
      judged.counts[candidate.protocol] += candidate.flows;
      judged.stale.push_back(endpoint);
    }
  }
  std::ranges::sort(judged.stale);
  judged_ = std::move(judged);
  const auto stale = std::ranges::find_if(
      examples_, [this](const auto& example) { return was_stale(example.first); });
  if (stale != examples_.end()) {
    example_ = std::move(stale->second);
  }
  return true;
}

std::optional<StaleFlows::Counts> StaleFlows::counts(Clock::time_point now) const {
  return judged_ && now - judged_->dumped_at < kPatience ? std::optional{judged_->counts}
                                                         : std::nullopt;
}

bool StaleFlows::has_learned_services() const {
  return !knew_services_ && knows_services(endpoints_->all());
}

}  // namespace kubecliff::conntrack
