// Real traffic over loopback, for the conntrack table of the network namespace that the calling
// thread is in. A failing system call throws.
#pragma once

#include <cstdint>

#include "collectors/kernel/unique_fd.h"

namespace kubecliff::test {

// A rule that makes the kernel track IPv4 and IPv6 connections here, and one that lets no packet to
// kBlackholePort arrive.
void switch_tracking_on();

inline constexpr std::uint16_t kBlackholePort = 7;

// The ends of a TCP connection over 127.0.0.1.
struct TcpConnection {
  UniqueFd client;
  UniqueFd server;
};

[[nodiscard]] TcpConnection connect_tcp();
// Both ends are closed, the client's first, and its flow is in TIME_WAIT.
void connect_and_close_tcp();
// The SYN is tracked and then lost.
[[nodiscard]] UniqueFd connect_tcp_to_blackhole();
// Ended by a reset: its flow is in CLOSE.
void connect_and_reset_tcp();

// One datagram to a port that is open, but does not answer.
void send_udp();
// And one back.
void exchange_udp();
// As many flows, to as many addresses. How many of them the kernel refused to send.
[[nodiscard]] int send_udp_flows(int count);

// An echo request, which the kernel answers.
void ping();

}  // namespace kubecliff::test
