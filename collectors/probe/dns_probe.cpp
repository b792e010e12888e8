#include "collectors/probe/dns_probe.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <sys/epoll.h>
#include <sys/time.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace kubecliff::probe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFirstPatience{5'000};  // RES_TIMEOUT
constexpr std::chrono::milliseconds kPatience{10'000};
constexpr int kTries = 2;  // RES_DFLRETRY

struct ChannelDeleter {
  void operator()(ares_channeldata* channel) const { ::ares_destroy(channel); }
};

// Nothing: an answer. That a name has no address of the kind asked for is one.
std::optional<DnsReason> reason_of(int status) {
  switch (status) {
    case ARES_SUCCESS:
    case ARES_ENODATA:
      return std::nullopt;
    case ARES_ETIMEOUT:
    case ARES_ECANCELLED:
      return DnsReason::timeout;
    case ARES_ENOTFOUND:
      return DnsReason::nxdomain;
    case ARES_ESERVFAIL:
      return DnsReason::servfail;
    case ARES_EREFUSED:
      return DnsReason::refused;
    case ARES_ECONNREFUSED:
      return DnsReason::unreachable;
    default:
      return DnsReason::other;
  }
}

bool is_answer(const std::optional<DnsReason>& reason) {
  return !reason || *reason == DnsReason::nxdomain || *reason == DnsReason::servfail ||
         *reason == DnsReason::refused;
}

}  // namespace

class DnsProbe::Lookup {
 public:
  Lookup(DnsProbe& owner, Done done)
      : owner_{owner}, timer_{owner.poller_, [this] { on_time(); }}, done_{std::move(done)} {}

  Result<void> start(const std::string& address, const std::string& name) {
    ares_options options{};
    // The answer's code is for us to see.
    options.flags = ARES_FLAG_NOCHECKRESP;
    options.timeout = static_cast<int>(kFirstPatience.count());
    options.tries = kTries;
    options.sock_state_cb = &on_socket;
    options.sock_state_cb_data = this;
    ares_channel channel = nullptr;
    int status = ::ares_init_options(
        &channel, &options,
        ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    channel_.reset(channel);
    if (status == ARES_SUCCESS) {
      status = ::ares_set_servers_ports_csv(channel, address.c_str());
    }
    if (status != ARES_SUCCESS) {
      return fail(ErrorKind::internal, "DNS server " + address + ": " + ::ares_strerror(status));
    }
    for (const Query query : kQueries) {
      const auto i = static_cast<std::size_t>(query);
      asked_[i] = {.lookup = this, .started = Clock::now()};
      ::ares_query(channel, name.c_str(), ns_c_in, query == Query::a ? ns_t_a : ns_t_aaaa,
                   &on_answer, &asked_[i]);
    }
    deadline_ = Clock::now() + kPatience;
    set_timer();
    return {};
  }

 private:
  struct Asked {
    Lookup* lookup = nullptr;
    Clock::time_point started;
    bool answered = false;
    DnsOutcome outcome = {};
  };

  [[nodiscard]] bool complete() const { return std::ranges::all_of(asked_, &Asked::answered); }

  void set_timer() {
    if (complete()) {
      timer_.set(Clock::now());  // answered before it was asked: from there it may end
      return;
    }
    timeval left{};
    const timeval* const wanted = ::ares_timeout(channel_.get(), nullptr, &left);
    const auto next = wanted == nullptr ? deadline_
                                        : Clock::now() + std::chrono::seconds{wanted->tv_sec} +
                                              std::chrono::microseconds{wanted->tv_usec + 1'000};
    timer_.set(std::min(next, deadline_));
  }

  void on_time() {
    if (Clock::now() >= deadline_) {
      ::ares_cancel(channel_.get());
    } else {
      ::ares_process_fd(channel_.get(), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
    go_on();
  }

  void go_on() {
    if (!complete()) {
      set_timer();
      return;
    }
    DnsOutcomes outcomes;
    std::ranges::transform(asked_, outcomes.begin(), &Asked::outcome);
    const Done done = std::move(done_);
    owner_.end(this);  // and this is no more
    done(outcomes);
  }

  static void on_answer(void* asked, int status, int /*timeouts*/, unsigned char* /*answer*/,
                        int /*size*/) {
    auto& self = *static_cast<Asked*>(asked);
    self.answered = true;
    self.outcome.failure = reason_of(status);
    if (is_answer(self.outcome.failure)) {
      self.outcome.time = Clock::now() - self.started;
    }
  }

  // c-ares is C: nothing may be thrown through it. What cannot be watched times out.
  static void on_socket(void* lookup, ares_socket_t socket, int readable, int writable) {
    auto& self = *static_cast<Lookup*>(lookup);
    Poller& poller = self.owner_.poller_;
    try {
      if (readable == 0 && writable == 0) {
        poller.forget(socket);
        return;
      }
      const std::uint32_t wanted = (readable != 0 ? std::uint32_t{EPOLLIN} : 0U) |
                                   (writable != 0 ? std::uint32_t{EPOLLOUT} : 0U);
      poller.watch(socket, wanted, [&self, socket](std::uint32_t events) {
        ::ares_process_fd(self.channel_.get(),
                          (events & ~std::uint32_t{EPOLLOUT}) != 0 ? socket : ARES_SOCKET_BAD,
                          (events & EPOLLOUT) != 0 ? socket : ARES_SOCKET_BAD);
        self.go_on();
      });
    } catch (const std::exception&) {
      return;
    }
  }

  DnsProbe& owner_;
  Timer timer_;
  Done done_;
  Clock::time_point deadline_;
  std::array<Asked, kQueries.size()> asked_;
  std::unique_ptr<ares_channeldata, ChannelDeleter> channel_;  // the last: calls the others
};

DnsProbe::DnsProbe(Poller& poller) : poller_{poller} {}
DnsProbe::~DnsProbe() = default;

Result<void> DnsProbe::start(const std::string& address, const std::string& name, Done done) {
  auto lookup = std::make_unique<Lookup>(*this, std::move(done));
  if (auto started = lookup->start(address, name); !started) {
    return started;
  }
  lookups_.push_back(std::move(lookup));
  return {};
}

void DnsProbe::end(const Lookup* lookup) {
  std::erase_if(lookups_, [lookup](const auto& known) { return known.get() == lookup; });
}

}  // namespace kubecliff::probe
