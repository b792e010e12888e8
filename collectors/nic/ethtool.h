// Requests to network drivers by the ethtool ioctl: the seam to the kernel, and the kernel behind
// it. Statistics of a driver's own making can be had in no other way, and take no privilege.
// Source: net/core/dev_ioctl.c, net/ethtool/ioctl.c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "collectors/core/result.h"

namespace kubecliff::nic {

// Not thread-safe.
class Ethtool {
 public:
  Ethtool() = default;
  Ethtool(const Ethtool&) = delete;
  Ethtool& operator=(const Ethtool&) = delete;
  virtual ~Ethtool() = default;

  // What the device of that index is called now; unavailable (ENODEV) where it is gone. Costs next
  // to nothing and loads nothing.
  [[nodiscard]] virtual Result<std::string> name_of(std::uint32_t index) = 0;

  // `request` begins with ethtool's command and holds the answer afterwards. It must have room for
  // whatever the driver has to say: kernels before 6.19 write as much as there is, and not as much
  // as was asked for. Unavailable where there is no such device (ENODEV) or the driver does not
  // have that (EOPNOTSUPP). For the name of a device that is gone the kernel looks for a module to
  // load (dev_load()), so call name_of() just before.
  [[nodiscard]] virtual Result<void> ask(std::string_view device, std::span<std::byte> request) = 0;
};

using EthtoolFactory = std::function<Result<std::unique_ptr<Ethtool>>()>;

// In the network namespace of the thread that calls the factory.
[[nodiscard]] EthtoolFactory kernel_ethtool();

}  // namespace kubecliff::nic
