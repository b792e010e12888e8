"""How long a change takes to route: kubecliff's word against that of a client of the test's own."""

import signal
import ssl
import time

import release
from canary import SERVICE, Canary
from case import ClusterTest
from chart import RELEASE
from cluster import ADMIN_TOKEN, CONTROL_ADDRESS
from namespaces import HttpsConnection
from observer import Observer

SECONDS = "kubecliff_propagation_seconds"
WAITING = "kubecliff_propagation_waiting_seconds"
MOVES = "kubecliff_propagation_moves_total"
SUCCESS = "kubecliff_collector_success"


class PropagationTest(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(release.uninstall, cls.cluster)  # of what is installed when the next line fails
        cls.canary = Canary(cls.cluster)
        cls.addClassCleanup(cls.canary.stop)
        cls.canary.start()

    def tearDown(self):
        """What a failed test left dead or asleep lives again."""
        if self.cluster.apiserver.has_ended():
            self.cluster.start_apiserver()
        for node in self.cluster.nodes:
            node.kube_proxy.signal(signal.SIGCONT)
        self.canary.account.renew()
        self.canary.node_account.renew()

    def measured(self, node):
        return self.canary.node_metrics(node).one(f"{SECONDS}_count", family="ipv4")

    def wait_for_measures(self, more):
        """Every node measures so many moves more."""
        wanted = {node: self.measured(node) + more for node in self.cluster.nodes}
        for node, count in wanted.items():
            self.agree(f"{count} moves measured on {node.name}", lambda node=node, count=count: (
                self.measured(node) >= count, True), seconds=90)

    def test_every_node_measures_with_the_rights_of_its_role_alone(self):
        self.wait_for_measures(1)
        self.assertEqual(self.canary.metrics().one(SUCCESS, collector="canary"), 1)
        self.assertEqual(self.canary.metrics().one("kubecliff_canary_leader"), 1)
        for node in self.cluster.nodes:
            success = self.canary.node_metrics(node).one(SUCCESS, collector="propagation")
            self.assertEqual(success, 1, f"propagation on {node.name}: {success}, not 1")

    def test_it_agrees_with_a_client_of_our_own(self):
        self.wait_for_measures(1)
        path = (f"/apis/{self.group()}/namespaces/{RELEASE}/endpointslices"
                f"?watch=1&fieldSelector=metadata.name%3D{SERVICE}-ipv4")
        context = ssl.create_default_context(cafile=self.cluster.certificate)
        for node in self.cluster.nodes:
            connection = HttpsConnection(node.namespace, CONTROL_ADDRESS, 6443, 60, context)
            with Observer(node, connection, ADMIN_TOKEN, path, self.canary.address) as observer:
                time.sleep(1)
                before = self.canary.node_metrics(node)
                time.sleep(12)
                after = self.canary.node_metrics(node)
            count, total = (after.one(f"{SECONDS}_{part}", family="ipv4") -
                            before.one(f"{SECONDS}_{part}", family="ipv4")
                            for part in ("count", "sum"))
            theirs = observer.delays().values()
            self.assertGreaterEqual(count, 3, f"moves measured on {node.name}: {count}")
            self.assertGreaterEqual(len(theirs), 3, f"moves seen by the client: {len(theirs)}")
            mean, their_mean = total / count, sum(theirs) / len(theirs)
            # Both are right to a tenth, and the moves at the edges are not the same.
            slack = 0.02 + 0.25 * max(mean, their_mean)
            self.assertLess(abs(mean - their_mean), slack,
                            f"mean on {node.name}: {mean:.3f} s, the client's {their_mean:.3f} s")

    def test_what_hangs_shows_while_it_hangs(self):
        self.wait_for_measures(1)
        hung, other = self.cluster.nodes
        hung.kube_proxy.signal(signal.SIGSTOP)
        self.agree(f"{hung.name} waits for 4 s", lambda: (
            (self.canary.node_metrics(hung).one(WAITING, family="ipv4") or 0) > 4, True))
        waiting = self.canary.node_metrics(other).one(WAITING, family="ipv4")
        self.assertLess(waiting, 4, f"{other.name} waits for {waiting} s and is well")
        hung.kube_proxy.signal(signal.SIGCONT)
        self.agree(f"{hung.name} routes again", lambda: (
            self.canary.node_metrics(hung).one(WAITING, family="ipv4") < 2, True))

    def test_the_api_server_is_killed_and_comes_back(self):
        self.wait_for_measures(1)
        self.cluster.apiserver.kill()
        for node in self.cluster.nodes:
            self.agree(f"what {node.name} knows of moves", lambda node=node: (
                self.canary.node_metrics(node).one(WAITING, family="ipv4"), None))
            self.assertEqual(
                self.canary.node_metrics(node).one(SUCCESS, collector="propagation"), 0)
        self.agree("the canary's success", lambda: (
            self.canary.metrics().one(SUCCESS, collector="canary"), 0))
        self.cluster.start_apiserver()
        self.wait_for_measures(2)
        self.agree("the canary's success", lambda: (
            self.canary.metrics().one(SUCCESS, collector="canary"), 1))

    def test_a_token_expires_and_is_replaced(self):
        self.wait_for_measures(1)
        # The API server lets a minute pass before it takes a token for expired.
        self.canary.account.expire_in(-57)
        self.agree("the canary's success", lambda: (
            self.canary.metrics().one(SUCCESS, collector="canary"), 0))
        reasons = self.canary.metrics().by_label("kubecliff_collector_failing", "reason",
                                                 collector="canary")
        self.assertIn("denied", reasons, f"why it fails: {reasons}")
        moves = self.canary.metrics().one("kubecliff_canary_moves_total")
        self.canary.account.renew()
        self.agree("the canary's success", lambda: (
            self.canary.metrics().one(SUCCESS, collector="canary"), 1))
        self.agree("the canary moves", lambda: (
            self.canary.metrics().one("kubecliff_canary_moves_total") > moves, True))
        self.wait_for_measures(1)

    def group(self):
        return self.cluster.api.get("/apis/discovery.k8s.io")["preferredVersion"]["groupVersion"]
