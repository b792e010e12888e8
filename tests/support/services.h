// The made-up cluster of simulate, as tests name it.
#pragma once

#include "exporter/simulate/services.h"
#include "tests/support/backend.h"

namespace kubecliff::test {

using simulate::Affinity;
using simulate::Comments;
using simulate::Exposure;
using simulate::Protocol;
using simulate::RulesetShape;
using simulate::Service;
using simulate::TrafficPolicy;

using simulate::cluster_ip;
using simulate::endpoint_ip;
using simulate::has_firewall;
using simulate::has_load_balancer;
using simulate::has_node_port;
using simulate::hashed_chain;
using simulate::kEndpointPort;
using simulate::label;
using simulate::load_balancer_ip;
using simulate::local_choices;
using simulate::make_service;
using simulate::node_port;
using simulate::plain;
using simulate::pod_cidr;
using simulate::port_name;
using simulate::routes_locally;
using simulate::service_name;
using simulate::source_range;
using simulate::turns_outsiders_away;
using simulate::varied;

}  // namespace kubecliff::test
