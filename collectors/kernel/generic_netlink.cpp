#include "collectors/kernel/generic_netlink.h"

#include <linux/genetlink.h>

#include <optional>
#include <string>

#include "collectors/kernel/bytes.h"

namespace kubecliff::netlink {

Result<std::uint16_t> find_generic_family(Socket& socket, std::string_view family) {
  Request question = Request::generic(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_DUMP);
  std::optional<std::uint16_t> id;
  const Result<void> asked = socket.ask(question, [&](const Message& message) -> Result<void> {
    const Bytes attributes = generic_attributes(message);
    if (text_of(find_attribute(attributes, CTRL_ATTR_FAMILY_NAME)) == family) {
      id = read_as<std::uint16_t>(find_attribute(attributes, CTRL_ATTR_FAMILY_ID));
    }
    return {};
  });
  if (!asked) {
    return std::unexpected(asked.error());
  }
  return id ? Result<std::uint16_t>{*id}
            : fail(ErrorKind::unavailable,
                   "this kernel has no generic netlink family " + std::string{family});
}

Bytes generic_attributes(const Message& message) {
  return after_header(message.payload, sizeof(genlmsghdr));
}

}  // namespace kubecliff::netlink
