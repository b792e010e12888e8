// Multi: libcurl's requests under way at the same time, driven by a Poller. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "collectors/core/result.h"
#include "collectors/curl/library.h"
#include "collectors/kernel/poller.h"

namespace kubecliff::curl {

struct EasyDeleter {
  const Library* library;
  void operator()(CURL* handle) const { library->easy_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;

class Multi {
 public:
  // Called by the poller, once for each handle that was added and has come to its end; by then it
  // is removed. It may add and remove others.
  using OnEnd = std::function<void(CURLcode code)>;

  // `poller` must outlive it. Unavailable where libcurl is not installed.
  [[nodiscard]] static Result<std::unique_ptr<Multi>> open(Poller& poller);
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  ~Multi();  // all handles must have been removed

  [[nodiscard]] const Library& library() const { return library_; }
  [[nodiscard]] Easy make_easy() const;

  // Begins with the next dispatch of the poller. The handle must be removed before it ends.
  void add(CURL* easy, OnEnd on_end);
  // Breaks it off. Nothing where it was not added, or has come to its end.
  void remove(CURL* easy);

  // While an OnEnd is called: the connection of its handle, where that is kept to be used again; -1
  // where it is closed. libcurl owns it, and lets it be until the next handle is added.
  [[nodiscard]] int kept_connection() const { return kept_connection_; }

 private:
  Multi(Poller& poller, const Library& library);

  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* of_socket);
  static int on_timer(CURLM* multi, long milliseconds, void* self);  // NOLINT(google-runtime-int)
  void act(curl_socket_t socket, int events);

  const Library& library_;
  Poller& poller_;
  Timer timer_;
  CURLM* multi_ = nullptr;
  std::unordered_map<CURL*, OnEnd> under_way_;
  int kept_connection_ = -1;
};

}  // namespace kubecliff::curl
