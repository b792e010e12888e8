// The rulesets of simulate in kube-proxy's nftables mode, as tests name them.
#pragma once

#include "exporter/simulate/nftables_ruleset.h"
#include "tests/support/services.h"

namespace kubecliff::test {

using simulate::KubeProxyShape;
using simulate::NftablesFigures;
using simulate::NftablesRuleset;

}  // namespace kubecliff::test
