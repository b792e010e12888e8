// The allowances of network cards, as their drivers tell them.
//
// What it costs: a device that is new, two questions to its driver; after that, one whose driver
// tells no allowances nothing, and one whose driver does two system calls a reading. Amazon's
// driver then asks its device, while the kernel holds the lock under which devices are made and
// changed: that, and not our own time, sets the pace.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/nic/decode_statistics.h"
#include "collectors/nic/ethtool.h"

namespace kubecliff::nic {

struct Allowances {
  std::string device;
  std::array<std::optional<std::uint64_t>, kStatistics.size()> values;  // of kStatistics
};

// Not thread-safe.
class AllowanceReader {
 public:
  // Those with the lowest indices are read, and no more.
  static constexpr std::size_t kMostDevices = 8;

  explicit AllowanceReader(EthtoolFactory open) : open_{std::move(open)} {}

  // The node's network cards by their indices, in ascending order. Drivers are asked about those
  // that were not among them the last time, or could not tell.
  void watch(std::span<const std::uint32_t> cards, std::vector<Error>& misses);

  [[nodiscard]] std::vector<Allowances> read(std::vector<Error>& misses);

  // A device has gone since, or is being reset: it is time to watch() what there is now.
  [[nodiscard]] bool outdated() const { return outdated_; }

 private:
  struct Card {
    std::uint32_t index = 0;
    std::uint32_t count = 0;         // of the driver's statistics
    std::vector<Place> places = {};  // of those that are known; mostly none
  };

  Result<Card> look(std::uint32_t index);
  Result<Allowances> read_card(Card& card);
  Result<Allowances> read_values(const Card& card);
  // The device's name; the answer is in the buffer.
  Result<std::string> ask(std::uint32_t index);

  EthtoolFactory open_;
  std::unique_ptr<Ethtool> ethtool_;
  std::unique_ptr<std::byte[]> buffer_;
  std::vector<Card> cards_;
  bool outdated_ = false;
};

}  // namespace kubecliff::nic
