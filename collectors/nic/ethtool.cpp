#include "collectors/nic/ethtool.h"

#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "collectors/kernel/bytes.h"
#include "collectors/kernel/unique_fd.h"

namespace kubecliff::nic {
namespace {

class KernelEthtool final : public Ethtool {
 public:
  static Result<std::unique_ptr<Ethtool>> open() {
    UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!socket.valid()) {
      return fail_errno(errno, "open a socket for ethtool");
    }
    return std::make_unique<KernelEthtool>(std::move(socket));
  }

  explicit KernelEthtool(UniqueFd socket) : socket_{std::move(socket)} {}

  Result<std::string> name_of(std::uint32_t index) override {
    ifreq request{};
    request.ifr_ifindex = static_cast<int>(index);
    if (::ioctl(socket_.get(), SIOCGIFNAME, &request) != 0) {
      return fail_errno(errno, "name of device " + std::to_string(index));
    }
    return std::string{text_of(std::as_bytes(std::span{request.ifr_name}))};
  }

  Result<void> ask(std::string_view device, std::span<std::byte> request) override {
    ifreq envelope{};
    if (device.size() >= IFNAMSIZ) {
      return fail_errno(ENODEV, device);
    }
    std::ranges::copy(device, envelope.ifr_name);
    envelope.ifr_data = reinterpret_cast<char*>(request.data());
    if (::ioctl(socket_.get(), SIOCETHTOOL, &envelope) != 0) {
      return fail_errno(errno, "ask the driver of " + std::string{device});
    }
    return {};
  }

 private:
  UniqueFd socket_;
};

}  // namespace

EthtoolFactory kernel_ethtool() {
  return [] { return KernelEthtool::open(); };
}

}  // namespace kubecliff::nic
