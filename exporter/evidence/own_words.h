// The words by which a bundle says what is: states, kinds, classes, owners, units. A Service may be
// called by one, `info` or `established`, which then tells nothing; redacted, the bundle would say
// nothing any more.
#pragma once

#include <string>

namespace kubecliff::evidence {

// With spaces between them.
[[nodiscard]] std::string own_words();

}  // namespace kubecliff::evidence
