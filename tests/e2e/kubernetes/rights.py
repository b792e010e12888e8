"""What the chart's ServiceAccounts may: what their pods need, and nothing that others may not."""

import collections
import itertools

import chart
import release
from api import ApiError
from case import ClusterTest
from chart import RELEASE
from workload import ELSEWHERE

ANY = "*"  # of names and namespaces
Right = collections.namedtuple("Right", "verb resource namespace name")
SLICES, LEASES = "endpointslices.discovery.k8s.io", "leases.coordination.k8s.io"
CANARY = "kubecliff-canary"


def follow(namespace, *slices):
    return {Right(verb, SLICES, namespace, name) for verb in ("list", "watch") for name in slices}


OF_NODES = follow(RELEASE, f"{CANARY}-ipv4", f"{CANARY}-ipv6")
OF_THE_CANARY = {
    Right("get", "services", RELEASE, CANARY),
    # Nobody can be told which name to create.
    Right("create", SLICES, RELEASE, ANY),
    Right("create", LEASES, RELEASE, ANY),
} | {Right(verb, resource, RELEASE, name) for verb in ("get", "update")
     for resource, name in ((SLICES, f"{CANARY}-ipv4"), (SLICES, f"{CANARY}-ipv6"), (LEASES, CANARY))}
OF_A_PROXY = {Right("create", "tokenreviews.authentication.k8s.io", ANY, ANY),
              Right("create", "subjectaccessreviews.authorization.k8s.io", ANY, ANY)}

EVERYTHING = {"collectors": {"propagation": True}, "prober": {"enabled": True},
              "canary": {"enabled": True, "families": ["ipv4", "ipv6"]}}
# Values, and what they give to whom.
RELEASES = {
    "default": ({}, {"kubecliff": set()}),
    "everything": (EVERYTHING, {"kubecliff": OF_NODES, CANARY: OF_THE_CANARY, "kubecliff-prober": set()}),
    "proxy": (EVERYTHING | {"kubeRBACProxy": {"enabled": True}},
              {"kubecliff": OF_NODES | OF_A_PROXY, CANARY: OF_THE_CANARY | OF_A_PROXY,
               "kubecliff-prober": OF_A_PROXY}),
    "elsewhere": (chart.CASES["elsewhere"], {"kubecliff": follow(ELSEWHERE, "theirs-ipv4")}),
}

VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
# Those that no resource says it has.
OF_NO_RESOURCE = [("impersonate", "users"), ("impersonate", "groups"), ("impersonate", "serviceaccounts"),
                  ("bind", "clusterroles.rbac.authorization.k8s.io"),
                  ("bind", "roles.rbac.authorization.k8s.io"),
                  ("escalate", "clusterroles.rbac.authorization.k8s.io"),
                  ("escalate", "roles.rbac.authorization.k8s.io"),
                  ("use", "podsecuritypolicies.policy"), ("approve", "signers.certificates.k8s.io"),
                  ("sign", "signers.certificates.k8s.io")]
# Of which somebody might be given one by its name.
WITH_NAMES = ["configmaps", "endpoints", "pods", "secrets", "serviceaccounts", "serviceaccounts/token", "services",
              SLICES, LEASES, "daemonsets.apps", "deployments.apps", "roles.rbac.authorization.k8s.io"]
NAMES = ["", f"{CANARY}-ipv4", f"{CANARY}-ipv6", CANARY, "theirs-ipv4", "stranger"]
EVERYWHERE = ""

CORE = f"/api/v1/namespaces/{RELEASE}"
ITS_SLICES = f"/apis/{{discovery}}/namespaces/{RELEASE}/endpointslices"
ITS_LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{RELEASE}/leases"
ITS_ROLES = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{RELEASE}/roles"
# What none of them may, to be tried in earnest.
REFUSED = [
    ("GET", ITS_SLICES), ("GET", "/apis/{discovery}/endpointslices"),
    ("GET", f"{ITS_SLICES}/stranger"), ("PUT", f"{ITS_SLICES}/stranger"),
    ("PATCH", f"{ITS_SLICES}/{CANARY}-ipv4"), ("DELETE", f"{ITS_SLICES}/{CANARY}-ipv4"),
    ("GET", ITS_LEASES), ("PUT", f"{ITS_LEASES}/stranger"), ("DELETE", f"{ITS_LEASES}/{CANARY}"),
    ("GET", f"{CORE}/services"), ("PUT", f"{CORE}/services/{CANARY}"),
    ("GET", f"{CORE}/secrets"), ("GET", f"{CORE}/secrets/sh.helm.release.v1.{RELEASE}.v1"),
    ("GET", f"{CORE}/configmaps"), ("GET", f"{CORE}/configmaps/kubecliff"),
    ("GET", f"{CORE}/pods"), ("POST", f"{CORE}/pods"), ("GET", "/api/v1/nodes"), ("GET", "/api/v1/namespaces"),
    ("POST", f"{CORE}/serviceaccounts/kubecliff/token"),
    ("GET", ITS_ROLES), ("PATCH", f"{ITS_ROLES}/kubecliff-node"), ("PATCH", f"{ITS_ROLES}/{CANARY}"),
    ("GET", "/metrics"), ("GET", "/logs"),
]
REVIEWS = "/apis/authorization.k8s.io/v1"


def status(api, method, path):
    try:
        api.call(method, path, {} if method != "GET" else None,
                 "application/merge-patch+json" if method == "PATCH" else "application/json")
    except ApiError as error:
        return error.status
    return 200


def may(api, right):
    """By the server's word."""
    name, _, group = right.resource.partition(".")
    resource, _, subresource = name.partition("/")
    asked = {"verb": right.verb, "group": group, "resource": resource, "subresource": subresource,
             "namespace": right.namespace, "name": right.name}
    return api.post(f"{REVIEWS}/selfsubjectaccessreviews",
                    {"spec": {"resourceAttributes": asked}})["status"]["allowed"]


def rules(api, namespace):
    """All that the server has to say of a namespace: rights, and URLs."""
    told = api.post(f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": namespace}})["status"]
    rights = {Right(verb, f"{resource}.{group}".rstrip("."), namespace, name)
              for rule in told["resourceRules"]
              for verb, group, resource, name in itertools.product(
                  rule["verbs"], rule["apiGroups"], rule["resources"], rule.get("resourceNames", [ANY]))}
    urls = {pair for rule in told["nonResourceRules"]
            for pair in itertools.product(rule["verbs"], rule["nonResourceURLs"])}
    return rights, urls


def covers(rights, asked):
    """Whether one of them is this, or more than this."""
    return any(right[:2] == asked[:2] and right.namespace in (asked.namespace, ANY)
               and right.name in (asked.name, ANY) for right in rights)


class RightsTest(ClusterTest):
    @classmethod
    def setUpClass(cls):
        cls.api = cls.cluster.api
        # Somebody with the rights that everybody has.
        cls.api.add_service_account(RELEASE, "anyone")
        cls.discovery = cls.api.get("/apis/discovery.k8s.io")["preferredVersion"]["groupVersion"]
        cls.of_all = {place: rules(cls.as_account("anyone"), place) for place in (RELEASE, ELSEWHERE)}
        cls.asked = list(cls.all_that_can_be_asked())

    @classmethod
    def tearDownClass(cls):
        cls.api.delete_service_account(RELEASE, "anyone")

    @classmethod
    def as_account(cls, name):
        return cls.cluster.api_with(cls.api.token_of(RELEASE, name))

    @classmethod
    def all_that_can_be_asked(cls):
        """Some by names and in both namespaces; every verb of every resource in the release's, and everywhere."""
        for right in itertools.product(VERBS, WITH_NAMES, (RELEASE, ELSEWHERE), NAMES):
            yield Right(*right)
        resources = {f"{each['name']}.{version.rpartition('/')[0]}".rstrip(".")
                     for version in cls.api.versions() for each in cls.api.resources(version)[1]}
        pairs = [*itertools.product(VERBS, sorted(resources)), *OF_NO_RESOURCE]
        for (verb, resource), place in itertools.product(pairs, (RELEASE, EVERYWHERE)):
            yield Right(verb, resource, place, "")

    def holds(self, name):
        """Of a release: its accounts may what they are to, by every way to ask the server."""
        values, accounts = RELEASES[name]
        with release.installed(self.cluster, values):
            there = {each["metadata"]["name"]
                     for each in self.api.get(f"{CORE}/serviceaccounts")["items"]}
            self.assertEqual(there - {"anyone"}, accounts.keys(), f"accounts: {there}")
            for account, rights in accounts.items():
                api = self.as_account(account)
                self.rules_are(api, account, rights)
                self.answers_are(api, account, rights)
                self.is_refused_the_rest(api, account)

    def rules_are(self, api, account, rights):
        """The server heeds what is written a moment later."""
        for place, (of_all, urls) in self.of_all.items():
            wanted = of_all | {right._replace(namespace=place) for right in rights
                               if right.namespace in (place, ANY)}
            self.agree(f"rights and URLs of {account} in {place}", lambda place=place, wanted=wanted: (
                rules(api, place), (wanted, urls)), seconds=10)

    def answers_are(self, api, account, rights):
        of_all = self.of_all[RELEASE][0]
        wanted = rights | {right._replace(namespace=ANY) for right in of_all}
        for right in self.asked:
            allowed = may(api, right)
            self.assertEqual(allowed, covers(wanted, right), f"{right} for {account}: {allowed}")

    def is_refused_the_rest(self, api, account):
        for method, path in REFUSED:
            answer = status(api, method, path.format(discovery=self.discovery))
            self.assertEqual(answer, 403, f"{method} {path} by {account}: {answer}, not 403")

    def test_nodes_may_nothing_where_they_ask_nothing(self):
        self.holds("default")

    def test_nodes_may_follow_the_canary_which_may_move(self):
        self.holds("everything")

    def test_nodes_may_follow_the_canary_of_another_release(self):
        self.holds("elsewhere")

    def test_a_proxy_may_ask_who_a_client_is_and_what_it_may(self):
        self.holds("proxy")

    def test_a_proxy_is_told_of_clients(self):
        """By the two questions that kube-rbac-proxy has for each request; the program itself is in no package."""
        values, accounts = RELEASES["proxy"]
        with release.installed(self.cluster, values):
            for account in accounts:
                self.rules_are(self.as_account(account), account, accounts[account])
                who = self.review(account, "authentication", "tokenreviews",
                                  {"token": self.api.token_of(RELEASE, "anyone")})
                self.assertTrue(who["authenticated"], f"{account} is told: {who}")
                user, wanted = who["user"], f"system:serviceaccount:{RELEASE}:anyone"
                self.assertEqual(user["username"], wanted, f"{account} is told: {user}")
                for groups, wanted in ((user["groups"], False), (["system:masters"], True)):
                    seen = self.review(account, "authorization", "subjectaccessreviews", {
                        "user": user["username"], "groups": groups,
                        "nonResourceAttributes": {"verb": "get", "path": "/metrics"}})["allowed"]
                    self.assertEqual(seen, wanted, f"{account} is told {seen} of {groups}")

    def review(self, account, group, resource, spec):
        return self.as_account(account).post(f"/apis/{group}.k8s.io/v1/{resource}", {"spec": spec})["status"]

    def test_a_right_too_many_is_noticed(self):
        extra = {Right("get", "secrets", RELEASE, "stranger")}
        with release.installed(self.cluster, {}):
            self.api.add_role(RELEASE, "extra", "kubecliff", [
                {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["stranger"], "verbs": ["get"]}])
            try:
                api = self.as_account("kubecliff")
                self.rules_are(api, "kubecliff", extra)
                with self.assertRaises(AssertionError, msg="a right too many is not noticed"):
                    self.answers_are(api, "kubecliff", set())
            finally:
                self.api.delete_role(RELEASE, "extra")
