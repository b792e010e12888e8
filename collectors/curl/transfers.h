// Transfers: HTTP requests under way at the same time, through libcurl, driven by a Poller.
//
// Connections are kept and used again, HTTP/1.1, no proxy, no redirect followed; TLS from 1.2 on,
// and the server's certificate must be vouched for. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/curl/multi.h"
#include "collectors/kernel/poller.h"

namespace kubecliff::curl {

struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers = {};
  std::string body = {};     // sent where it is not empty
  std::string ca_file = {};  // who may vouch for the server; the system's own where it is empty
  // For all of it; none: it may go on for ever.
  std::chrono::milliseconds timeout{};
  // Without a byte for so long, it is given up; none: it may be silent for ever.
  std::chrono::seconds silence{};
  std::string name = {};  // what errors call it; METHOD and URL where it is empty
  // Basic authentication, where there is a user.
  std::string username = {};
  std::string password = {};
  // A connection that was idle for longer is not used again; none: libcurl's own two minutes.
  std::chrono::seconds longest_idle{};
};

class Transfers {
 public:
  using Status = long;  // NOLINT(google-runtime-int): as libcurl has it
  // A piece of the body; an empty one as soon as the response has begun. False ends the transfer
  // with an error.
  using OnBody = std::function<bool(Status status, std::string_view piece)>;
  // The end, with the response's status, whatever it is. Errors: unavailable (nobody listens, no
  // such name), denied (the certificate), timeout, torn (the connection ended too early), internal.
  using OnEnd = std::function<void(const Result<Status>& status)>;
  using Id = std::uint64_t;

  // `poller` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<Transfers>> open(Poller& poller);
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;
  ~Transfers();

  // Both are called by the poller, never from here. An OnEnd may start and cancel transfers, an
  // OnBody may not.
  Id start(const Request& request, OnBody on_body, OnEnd on_end);
  // Neither of its functions is called any more. Nothing where it has ended.
  void cancel(Id id);

  // Of the transfer whose OnEnd is being called.
  struct Ending {
    std::chrono::seconds retry_after{};  // as the response asks for; none where it does not
    int kept_connection = -1;            // see Multi
  };
  [[nodiscard]] const Ending& ending() const { return ending_; }

 private:
  struct Transfer;

  explicit Transfers(std::unique_ptr<Multi> multi);

  static bool take_piece(void* transfer, std::string_view piece);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* transfer);
  static std::size_t on_piece(char* data, std::size_t size, std::size_t count, void* transfer);
  static Result<Status> outcome(const Transfer& transfer, CURLcode code);

  std::unique_ptr<Multi> multi_;
  std::unordered_map<Id, std::unique_ptr<Transfer>> transfers_;
  Id last_id_ = 0;
  Ending ending_;
};

}  // namespace kubecliff::curl
