#include "exporter/evidence/sources.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <exception>
#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace kubecliff::evidence {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

Gathered missed(const Source& source, std::string reason) {
  Gathered nothing;
  nothing.missed.push_back({.name = source.name, .reason = std::move(reason)});
  nothing.names_seen = source.names == Source::Names::some ? NamesSeen::not_all : NamesSeen::all;
  return nothing;
}

// What a library throws ends here, as it does in the runner.
Gathered contained(const Source& source) {
  try {
    return source.gather();
  } catch (const std::exception& error) {
    return missed(source, error.what());
  }
}

}  // namespace

Asked ask_sources(std::vector<Source> sources, milliseconds all, const Progress& progress) {
  const Clock::time_point end = Clock::now() + all;
  Asked asked;
  for (Source& next : sources) {
    const auto source = std::make_shared<const Source>(std::move(next));
    const Clock::time_point begin = Clock::now();
    const auto left = std::chrono::duration_cast<milliseconds>(end - begin);
    const milliseconds within = std::min(source->deadline, left);
    if (within <= milliseconds{0}) {
      asked.gathered.push_back(missed(*source, "not asked: the time for all was used up"));
    } else {
      auto answer = std::make_shared<std::promise<Gathered>>();
      std::future<Gathered> future = answer->get_future();
      std::thread thread{[source, answer] {
        // Signals are for who asks, who may have to finish something first.
        sigset_t all_signals{};
        sigfillset(&all_signals);
        pthread_sigmask(SIG_BLOCK, &all_signals, nullptr);
        answer->set_value(contained(*source));
      }};
      if (future.wait_for(within) == std::future_status::ready) {
        thread.join();
        asked.gathered.push_back(future.get());
      } else {
        thread.detach();
        asked.left_behind = true;
        asked.gathered.push_back(
            missed(*source, "no answer within " + std::to_string(within.count()) + " ms"));
      }
    }
    progress(source->name, std::chrono::duration_cast<milliseconds>(Clock::now() - begin),
             asked.gathered.back());
  }
  return asked;
}

}  // namespace kubecliff::evidence
