// TopCounter: which keys come most often, in bounded memory, whatever their number (Misra and
// Gries, 1982, with the counts lowered many at once).
//
// It counts exactly until there are more keys than it has room for. Then all counts are lowered by
// their median and those that come to 0 are forgotten, so half of the room is free again and the
// work stays constant for each key. What has been lowered is the error: a key that came n times has
// a count between n less error() and n, and none with n above error() is missing. That is at most
// twice the number of all divided by the room.
//
// Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kubecliff::inventory {

template <typename Key, typename Hash>
class TopCounter {
 public:
  struct Counted {
    Key key;
    std::uint64_t count = 0;
  };

  // 100 bytes for each key there is room for.
  explicit TopCounter(std::size_t room) : room_{std::max<std::size_t>(room, 2)} {
    counts_.reserve(room_ + 1);
  }

  void add(const Key& key) {
    ++counts_[key];
    if (counts_.size() > room_) {
      lower();
    }
  }

  // 0: every count is exact.
  [[nodiscard]] std::uint64_t error() const { return error_; }
  [[nodiscard]] std::size_t size() const { return counts_.size(); }

  // The largest, in order; equal ones by key.
  [[nodiscard]] std::vector<Counted> top(std::size_t most) const {
    std::vector<Counted> all;
    all.reserve(counts_.size());
    for (const auto& [key, count] : counts_) {
      all.push_back({key, count});
    }
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(most, all.size()));
    std::ranges::partial_sort(all, end, [](const Counted& one, const Counted& other) {
      return one.count != other.count ? one.count > other.count : one.key < other.key;
    });
    all.erase(end, all.end());
    return all;
  }

 private:
  void lower() {
    std::vector<std::uint64_t> values;
    values.reserve(counts_.size());
    for (const auto& counted : counts_) {
      values.push_back(counted.second);
    }
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    const std::uint64_t by = *middle;
    error_ += by;
    for (auto counted = counts_.begin(); counted != counts_.end();) {
      counted->second -= std::min(counted->second, by);
      counted = counted->second == 0 ? counts_.erase(counted) : std::next(counted);
    }
  }

  std::size_t room_;
  std::uint64_t error_ = 0;
  std::unordered_map<Key, std::uint64_t, Hash> counts_;
};

}  // namespace kubecliff::inventory
