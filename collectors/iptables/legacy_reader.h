// Reads the legacy xtables tables of one address family.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/collector.h"
#include "collectors/core/result.h"
#include "collectors/iptables/reading.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/xtables_socket.h"

namespace kubecliff::iptables {

// Unchanged tables cost one IPT_SO_GET_INFO each, at any size. A table whose size changed is copied
// as a whole and walked once; one whose size did not, every `full_interval`, because a rule
// replaced by another of the same size leaves no trace in the sizes. Not thread-safe.
class LegacyReader {
 public:
  LegacyReader(AddressFamily family, std::filesystem::path procfs, Duration full_interval)
      : family_{family},
        procfs_{std::move(procfs)},
        full_interval_{full_interval},
        loaded_{procfs_, family} {}

  // What could not be read keeps its last figures, and its error is returned.
  [[nodiscard]] Result<RefreshKind> refresh(Clock::time_point now);
  [[nodiscard]] const BackendReading& reading() const { return reading_; }

 private:
  struct TableState {
    xtables::TableInfo info;
    Clock::time_point read_at;
    TableReading reading;
  };

  [[nodiscard]] RefreshKind withdraw(BackendState state);
  [[nodiscard]] BackendState absent_state();
  [[nodiscard]] Result<RefreshKind> refresh_table(std::string_view table, Clock::time_point now);
  [[nodiscard]] Result<TableState> read_table(std::string_view table,
                                              xtables::TableInfo info) const;
  void publish();

  AddressFamily family_;
  std::filesystem::path procfs_;
  Duration full_interval_;
  xtables::LoadedTables loaded_;
  std::optional<xtables::Socket> socket_;
  std::optional<BackendState> absent_;
  std::vector<TableState> tables_;
  BackendReading reading_;
  bool read_ = false;  // a refresh has succeeded: what is new from now on is a change
  bool changed_ = false;
};

}  // namespace kubecliff::iptables
