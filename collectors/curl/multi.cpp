#include "collectors/curl/multi.h"

#include <sys/epoll.h>

#include <chrono>
#include <exception>
#include <new>
#include <utility>

namespace kubecliff::curl {

Result<std::unique_ptr<Multi>> Multi::open(Poller& poller) {
  const auto loaded = curl::library();
  if (!loaded) {
    return std::unexpected(loaded.error());
  }
  return std::unique_ptr<Multi>{new Multi{poller, **loaded}};
}

Multi::Multi(Poller& poller, const Library& library)
    : library_{library},
      poller_{poller},
      timer_{poller, [this] { act(CURL_SOCKET_TIMEOUT, 0); }},
      multi_{library.multi_init()} {
  if (multi_ == nullptr) {
    throw std::bad_alloc{};
  }
  library_.multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Multi::on_socket);
  library_.multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  library_.multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Multi::on_timer);
  library_.multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

Multi::~Multi() {
  library_.multi_cleanup(multi_);
}

Easy Multi::make_easy() const {
  Easy easy{library_.easy_init(), EasyDeleter{&library_}};
  if (easy == nullptr) {
    throw std::bad_alloc{};
  }
  return easy;
}

void Multi::add(CURL* easy, OnEnd on_end) {
  under_way_.emplace(easy, std::move(on_end));
  if (library_.multi_add_handle(multi_, easy) != CURLM_OK) {
    under_way_.erase(easy);
    throw std::bad_alloc{};  // or has thrown it where libcurl asked for a descriptor or a timer
  }
}

void Multi::remove(CURL* easy) {
  if (under_way_.erase(easy) > 0) {
    library_.multi_remove_handle(multi_, easy);
  }
}

// libcurl is C: nothing may be thrown through these two. With -1 it ends all requests.
int Multi::on_socket(CURL* /*easy*/, curl_socket_t socket, int what, void* self,
                     void* /*of_socket*/) {
  auto& multi = *static_cast<Multi*>(self);
  if (what == CURL_POLL_REMOVE) {
    multi.poller_.forget(socket);
    return 0;
  }
  const std::uint32_t events = ((what & CURL_POLL_IN) != 0 ? std::uint32_t{EPOLLIN} : 0U) |
                               ((what & CURL_POLL_OUT) != 0 ? std::uint32_t{EPOLLOUT} : 0U);
  try {
    multi.poller_.watch(socket, events, [&multi, socket](std::uint32_t ready) {
      multi.act(socket, ((ready & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                            ((ready & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                            ((ready & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
    });
  } catch (const std::exception&) {
    return -1;
  }
  return 0;
}

// NOLINTNEXTLINE(google-runtime-int): as libcurl has it
int Multi::on_timer(CURLM* /*multi*/, long milliseconds, void* self) {
  auto& multi = *static_cast<Multi*>(self);
  try {
    if (milliseconds < 0) {
      multi.timer_.stop();
    } else {
      multi.timer_.set(std::chrono::steady_clock::now() + std::chrono::milliseconds{milliseconds});
    }
  } catch (const std::exception&) {
    return -1;
  }
  return 0;
}

void Multi::act(curl_socket_t socket, int events) {
  int running = 0;
  library_.multi_socket_action(multi_, socket, events, &running);
  int left = 0;
  while (const CURLMsg* const message = library_.multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) {
      continue;
    }
    // The message does not outlive its request.
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;
    const auto ended = under_way_.extract(easy);
    // Not to be asked any more once the handle is removed.
    curl_socket_t kept = CURL_SOCKET_BAD;
    library_.easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &kept);
    kept_connection_ = kept;
    library_.multi_remove_handle(multi_, easy);
    if (!ended.empty()) {
      ended.mapped()(code);
    }
  }
}

}  // namespace kubecliff::curl
