// Reads the legacy xtables tables of one address family.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/collector.h"
#include "collectors/core/result.h"
#include "collectors/core/service_endpoints.h"
#include "collectors/iptables/reading.h"
#include "collectors/iptables/service_links.h"
#include "collectors/kernel/address_family.h"
#include "collectors/kernel/xtables_socket.h"

namespace kubecliff::iptables {

// Unchanged tables cost one IPT_SO_GET_INFO each, at any size. A table whose size changed is copied
// as a whole and walked once; one whose size did not, every `full_interval`, because a rule
// replaced by another of the same size leaves no trace in the sizes. Services and their endpoints
// are told with every table that was copied; where the reader of flows asks whether they are still
// right, the tables that tell them are copied for that. Not thread-safe.
class LegacyReader {
 public:
  LegacyReader(AddressFamily family, std::filesystem::path procfs, Duration full_interval,
               std::shared_ptr<ServiceEndpoints> endpoints = std::make_shared<ServiceEndpoints>())
      : family_{family},
        procfs_{std::move(procfs)},
        full_interval_{full_interval},
        loaded_{procfs_, family},
        endpoints_{std::move(endpoints)},
        teller_{endpoints_, ServiceEndpoints::Source::iptables_legacy,
                static_cast<std::size_t>(family)} {}

  // What could not be read keeps its last figures, and its error is returned.
  [[nodiscard]] Result<RefreshKind> refresh(Clock::time_point now);
  [[nodiscard]] const BackendReading& reading() const { return reading_; }

 private:
  struct TableState {
    xtables::TableInfo info;
    Clock::time_point read_at;
    ServiceEndpoints::Ticket ticket = 0;
    TableReading reading;
    ServiceLists services;  // of nat and filter

    [[nodiscard]] bool has_services() const {
      return !services.services.empty() || !services.unclear.empty();
    }
  };

  [[nodiscard]] RefreshKind withdraw(BackendState state);
  [[nodiscard]] BackendState absent_state();
  [[nodiscard]] Result<RefreshKind> refresh_table(std::string_view table,
                                                  ServiceEndpoints::Look look);
  [[nodiscard]] Result<TableState> read_table(std::string_view table,
                                              xtables::TableInfo info) const;
  void publish();
  void tell(ServiceEndpoints::Look look);

  AddressFamily family_;
  std::filesystem::path procfs_;
  Duration full_interval_;
  xtables::LoadedTables loaded_;
  std::shared_ptr<ServiceEndpoints> endpoints_;
  EndpointTeller teller_;
  std::optional<xtables::Socket> socket_;
  std::optional<BackendState> absent_;
  std::vector<TableState> tables_;
  BackendReading reading_;
  bool read_ = false;  // a refresh has succeeded: what is new from now on is a change
  bool changed_ = false;
  bool copied_ = false;  // a table, in this refresh
};

}  // namespace kubecliff::iptables
