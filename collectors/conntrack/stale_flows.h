// StaleFlows: counts the flows that are translated to what is no endpoint of their Service any more
// (docs/decisions/0013-stale-flows.md).
//
// A flow to an endpoint that a ruleset has got a moment ago looks like one to an endpoint that is
// gone, so a dump only finds candidates. They are judged once every ruleset was looked at after the
// dump had ended. Between dumps nothing is kept but those, by Service and backend, not by flow.
//
// Not thread-safe.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collectors/conntrack/decode_flow.h"
#include "collectors/core/collector.h"
#include "collectors/core/service_endpoints.h"

namespace kubecliff::conntrack {

class StaleFlows {
 public:
  // The protocols that Services have.
  static constexpr std::array<std::uint8_t, 3> kProtocols{IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
  using Counts = std::array<std::uint64_t, kProtocols.size()>;

  // Pairs of a Service and a backend; some 4 MiB.
  static constexpr std::size_t kMostCandidates = 65'536;
  // How long a count is served, and rulesets are waited for: docs/decisions/0006-age-of-figures.md.
  static constexpr Duration kPatience = std::chrono::minutes{5};

  explicit StaleFlows(std::shared_ptr<ServiceEndpoints> endpoints)
      : endpoints_{std::move(endpoints)} {}

  // A dump, flow by flow. While the candidates of an earlier one wait, it is passed over.
  void begin_dump(Clock::time_point now);
  void add(const Flow& flow);
  void end_dump();

  // Whether there is a new count: true once for each dump, when its candidates can be judged.
  [[nodiscard]] bool judge(Clock::time_point now);

  // Of the last dump that was judged; nothing where no ruleset knew a Service, or it is too old.
  [[nodiscard]] std::optional<Counts> counts(Clock::time_point now) const;
  // One of the flows of UDP that the last judgement found stale and none before did, as text. TCP
  // flows to an endpoint that shuts down are nothing to speak of.
  [[nodiscard]] const std::optional<std::string>& example() const { return example_; }
  // Some of its flows found no room among the candidates.
  [[nodiscard]] bool overflowed() const { return overflowed_; }
  // The last dump came before any ruleset was told, and now one is.
  [[nodiscard]] bool has_learned_services() const;

 private:
  struct Candidate {
    std::uint64_t service = 0;
    std::uint64_t flows = 0;
    std::size_t protocol = 0;  // index of kProtocols
  };
  struct Judged {
    Counts counts{};
    Clock::time_point dumped_at;
    std::array<ServiceEndpoints::Ticket, std::tuple_size_v<ServiceEndpoints::All>> versions{};
    std::vector<std::uint64_t> stale = {};  // endpoint keys, sorted
  };
  // What the rulesets that know Services know of a family.
  using Sets = std::vector<const EndpointSet*>;
  // One direction of a flow, which the batch keeps longer than the kernel's message.
  struct Ends {
    std::array<std::byte, 16> source{};
    std::array<std::byte, 16> destination{};
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;

    void keep(const FlowTuple& tuple);
    [[nodiscard]] FlowTuple tuple(std::size_t address_size) const;
  };
  // A flow that something has translated.
  struct Translated {
    Ends original;
    Ends reply;
    std::uint64_t service = 0;  // if its destination is one
    std::uint64_t backend = 0;
    std::uint64_t endpoint = 0;  // of that Service
    std::size_t protocol = 0;    // index of kProtocols
    std::size_t address_size = 0;
  };
  // Texts are made for so many candidates of a dump.
  static constexpr std::size_t kMostExamples = 16;
  // The tables do not stay in the cache while the kernel fills it with flows, so their lines are
  // asked for a batch ahead.
  static constexpr std::size_t kBatch = 32;

  void look_up(Translated& flow);
  void add_example(const Translated& flow);
  [[nodiscard]] bool was_stale(std::uint64_t endpoint) const;
  void look_up_batch();
  [[nodiscard]] const Sets& sets_of(std::size_t address_size) const;
  [[nodiscard]] bool is_settled(const ServiceEndpoints::Told& told, std::size_t index,
                                Clock::time_point now) const;
  [[nodiscard]] bool all_were_stale() const;

  std::shared_ptr<ServiceEndpoints> endpoints_;
  // During a dump: what was told when it began, and of that what knows Services.
  ServiceEndpoints::All told_;
  std::array<Sets, ServiceEndpoints::kFamilies> sets_;
  std::array<Translated, kBatch> batch_{};
  std::size_t batched_ = 0;

  bool knew_services_ = true;  // when the last dump began
  bool collecting_ = false;
  bool pending_ = false;
  bool overflowed_ = false;
  bool nothing_new_ = false;  // all candidates were found stale the last time
  ServiceEndpoints::Look look_;
  std::unordered_map<std::uint64_t, Candidate> candidates_;  // by endpoint key
  std::optional<Judged> judged_;
  std::vector<std::pair<std::uint64_t, std::string>> examples_;  // by endpoint key
  std::optional<std::string> example_;
};

}  // namespace kubecliff::conntrack
