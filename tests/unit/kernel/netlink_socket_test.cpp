#include "collectors/kernel/netlink_socket.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/time.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_netlink.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::netlink {
namespace {

using test::ByteVector;
using test::datagram;
using test::done;
using test::error;
using test::fails_with;
using test::failure;
using test::FakeNetlink;
using test::has_value;
using test::MessageBuilder;
using test::Reply;
using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

ByteVector answer(std::uint16_t type, std::uint16_t flags = 0) {
  return MessageBuilder{type, flags}.u8(1, 1).message();
}

class SocketTest : public ::testing::Test {
 protected:
  // Types of the messages that the visitor was handed are in seen_.
  Result<void> ask(Request request) {
    seen_.clear();
    return socket_.ask(request, [this](const Message& message) -> Result<void> {
      seen_.push_back(message.header.nlmsg_type);
      return {};
    });
  }
  Result<void> dump() { return ask(Request::nfnetlink(1, 1, NLM_F_DUMP, 0)); }
  Result<void> question() { return ask(Request::nfnetlink(1, 1, 0, 0)); }

  // The next dump works, on the socket that was opened so many times by then.
  void expect_goes_on(int times_opened) {
    kernel_.answer({datagram({answer(50), done()})});
    EXPECT_THAT(dump(), has_value());
    EXPECT_THAT(seen_, ElementsAre(50));
    EXPECT_EQ(kernel_.times_opened(), times_opened);
  }

  FakeNetlink kernel_;
  Socket socket_{kernel_.transport()};
  std::vector<std::uint16_t> seen_;
};

TEST_F(SocketTest, ADumpEndsWithDoneInWhateverDatagram) {
  kernel_.answer({datagram({answer(20), answer(21)}), datagram({answer(22)}), datagram({done()})});
  EXPECT_THAT(dump(), has_value());
  EXPECT_THAT(seen_, ElementsAre(20, 21, 22));
  expect_goes_on(1);
}

TEST_F(SocketTest, AnEmptyDumpIsASuccess) {
  kernel_.answer({datagram({done()})});
  EXPECT_THAT(dump(), has_value());
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(SocketTest, AQuestionEndsWithOneAnswerOrAcknowledgement) {
  kernel_.answer({datagram({answer(20)})}).answer({datagram({error(0)})});
  EXPECT_THAT(question(), has_value());
  EXPECT_THAT(seen_, ElementsAre(20));
  EXPECT_THAT(question(), has_value());
  EXPECT_THAT(seen_, IsEmpty());
  expect_goes_on(1);
}

TEST_F(SocketTest, EveryQuestionHasItsOwnSequence) {
  kernel_.answer({datagram({done()})}).answer({datagram({done()})});
  ASSERT_THAT(dump(), has_value());
  ASSERT_THAT(dump(), has_value());
  ASSERT_EQ(kernel_.questions().size(), 2U);
  EXPECT_NE(test::header_of(kernel_.questions()[0]).nlmsg_seq,
            test::header_of(kernel_.questions()[1]).nlmsg_seq);
}

TEST_F(SocketTest, OnlyTheKernelIsListenedTo) {
  Reply forged = datagram({answer(66), done()});
  forged.sender_port = 4711;
  kernel_.answer({forged, datagram({answer(20), done()})});
  EXPECT_THAT(dump(), has_value());
  EXPECT_THAT(seen_, ElementsAre(20));
}

TEST_F(SocketTest, AnswersToOlderQuestionsAreSkipped) {
  Reply stale = datagram({answer(66), error(-EPERM), done()});
  stale.questions_ago = 1;
  kernel_.answer({stale, datagram({answer(20), done()})});
  EXPECT_THAT(dump(), has_value());
  EXPECT_THAT(seen_, ElementsAre(20));
}

TEST_F(SocketTest, ARefusalKeepsTheSocket) {
  struct Case {
    int errno_value;
    ErrorKind kind;
    std::string_view words = "kernel refused:";
  };
  for (const Case c : {Case{EPERM, ErrorKind::denied, "kernel refused (needs CAP_NET_ADMIN):"},
                       Case{ENOENT, ErrorKind::unavailable}, Case{EINVAL, ErrorKind::internal}}) {
    kernel_.answer({datagram({error(-c.errno_value)})});
    const Result<void> refused = dump();
    EXPECT_THAT(refused, fails_with(c.kind, StartsWith(std::string{c.words})));
    EXPECT_EQ(refused.error().errno_value, c.errno_value);
  }
  expect_goes_on(1);
}

TEST_F(SocketTest, ADumpThatEndsInAnErrorIsAnError) {
  kernel_.answer({datagram({answer(20)}), datagram({done(-ENOENT)})});
  EXPECT_THAT(dump(), fails_with(ErrorKind::unavailable, _));
  expect_goes_on(1);
}

TEST_F(SocketTest, ADumpInterruptedByAChangeIsTorn) {
  kernel_.answer({datagram({answer(20, NLM_F_DUMP_INTR), answer(21)}), datagram({done()})});
  EXPECT_THAT(dump(), fails_with(ErrorKind::torn, _));
  EXPECT_THAT(seen_, ElementsAre(20, 21));
  expect_goes_on(1);
}

TEST_F(SocketTest, TheMarkOfATornDumpMayComeWithItsEnd) {
  ByteVector end = done();
  nlmsghdr header = test::header_of(end);
  header.nlmsg_flags |= NLM_F_DUMP_INTR;
  std::memcpy(end.data(), &header, sizeof(header));
  kernel_.answer({datagram({answer(20)}), datagram({end})});
  EXPECT_THAT(dump(), fails_with(ErrorKind::torn, _));
}

TEST_F(SocketTest, LostMessagesCostTheSocket) {
  kernel_.answer(
      {datagram({answer(20)}), failure({ErrorKind::overrun, ENOBUFS, "no buffer space"})});
  EXPECT_THAT(dump(), fails_with(ErrorKind::overrun, _));
  expect_goes_on(2);
}

TEST_F(SocketTest, SilenceCostsTheSocket) {
  kernel_.answer({datagram({answer(20)})});
  EXPECT_THAT(dump(), fails_with(ErrorKind::timeout, _));
  expect_goes_on(2);
}

TEST_F(SocketTest, ATruncatedMessageIsMalformedAndCostsTheSocket) {
  Reply cut = datagram({answer(20), answer(21)});
  cut.datagram.resize(cut.datagram.size() - 1);
  kernel_.answer({cut});
  EXPECT_THAT(dump(), fails_with(ErrorKind::malformed, _));
  expect_goes_on(2);
}

TEST_F(SocketTest, AnErrorWithoutAnErrnoIsMalformedAndCostsTheSocket) {
  kernel_.answer({datagram({answer(20), MessageBuilder{NLMSG_ERROR}.message()})});
  EXPECT_THAT(dump(), fails_with(ErrorKind::malformed, _));
  expect_goes_on(2);
}

TEST_F(SocketTest, AnOverrunMessageCostsTheSocket) {
  kernel_.answer({datagram({answer(20), MessageBuilder{NLMSG_OVERRUN}.message()})});
  EXPECT_THAT(dump(), fails_with(ErrorKind::overrun, _));
  expect_goes_on(2);
}

TEST_F(SocketTest, NoopsAreSkipped) {
  kernel_.answer({datagram({MessageBuilder{NLMSG_NOOP}.message(), answer(20), done()})});
  EXPECT_THAT(dump(), has_value());
  EXPECT_THAT(seen_, ElementsAre(20));
}

TEST_F(SocketTest, TheVisitorsErrorEndsTheConversationAndCostsTheSocket) {
  kernel_.answer({datagram({answer(20), answer(21), done()})});
  Request request = Request::nfnetlink(1, 1, NLM_F_DUMP, 0);
  int visits = 0;
  const Result<void> asked = socket_.ask(request, [&](const Message&) -> Result<void> {
    ++visits;
    return fail(ErrorKind::malformed, "not for me");
  });
  EXPECT_THAT(asked, fails_with(ErrorKind::malformed, "not for me"));
  EXPECT_EQ(visits, 1);
  expect_goes_on(2);
}

TEST(Socket, ThatCannotBeOpenedSaysWhy) {
  Socket socket{[]() -> Result<std::unique_ptr<Transport>> {
    return fail(ErrorKind::unavailable, "no such protocol");
  }};
  Request request = Request::nfnetlink(1, 1, 0, 0);
  EXPECT_THAT(socket.ask(request, [](const Message&) -> Result<void> { return {}; }),
              fails_with(ErrorKind::unavailable, "no such protocol"));
}

TEST(KernelTransport, ASignalIsNoAnswer) {
  const auto transport = kernel_transport(NETLINK_ROUTE, std::chrono::milliseconds{50})();
  ASSERT_THAT(transport, has_value());

  static volatile sig_atomic_t signals = 0;
  struct sigaction action{};
  action.sa_handler = [](int) { signals = signals + 1; };
  struct sigaction before{};
  ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
  const itimerval once{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 10'000}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &once, nullptr), 0);

  EXPECT_THAT((*transport)->receive(), fails_with(ErrorKind::timeout, _));
  EXPECT_EQ(signals, 1);
  ::sigaction(SIGALRM, &before, nullptr);
}

TEST(KernelTransport, AProtocolThatDoesNotExistIsUnavailable) {
  EXPECT_THAT(kernel_transport(MAX_LINKS - 1)(), fails_with(ErrorKind::unavailable, _));
}

}  // namespace
}  // namespace kubecliff::netlink
