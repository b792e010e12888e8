"""What a ServiceAccount of a pod may do, as kubecliff's will be."""

from api import ApiError
from case import ClusterTest
from workload import NAMESPACE


class AccessTest(ClusterTest):
    def test_a_token_opens_what_its_role_says_and_nothing_else(self):
        self.settle()
        api = self.cluster.api
        api.add_service_account(NAMESPACE, "reader")
        api.add_role(NAMESPACE, "reader", "reader", [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}])
        token = api.token_of(NAMESPACE, "reader")
        pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
        there = len(api.get(pods)["items"])
        for node in self.cluster.nodes:
            reader = self.cluster.api_in_pod(node, token)
            seen = len(reader.get(pods)["items"])
            self.assertEqual(seen, there, f"pods from {node.name}: {seen}, not {there}")
            for path in (f"/api/v1/namespaces/{NAMESPACE}/secrets", "/api/v1/pods"):
                words = f"{path} from {node.name}"
                with self.assertRaises(ApiError, msg=f"{words}: 200, not 403") as refusal:
                    reader.get(path)
                status = refusal.exception.status
                self.assertEqual(status, 403, f"{words}: {status}, not 403")
