import numpy as np

from detector.simulate.plan import Wire
from detector.simulate.proxies import Proxy, company_proxy


def test_a_proxy_changes_order_case_and_hops():
    proxy = Proxy("t", http="2", lower=True, order="sorted", added=("Via",), encoding="gzip")
    seen = proxy.pass_on(Wire(("B", "Accept-Encoding", "a"), (("Accept-Encoding", "br"),), "agent"))
    assert seen.names == ("a", "accept-encoding", "b", "via")
    assert seen.values == (("accept-encoding", "gzip"),)
    assert (seen.agent, seen.http) == ("agent", "2")


def test_proxies_differ_from_company_to_company():
    rng = np.random.default_rng(0)
    assert len({company_proxy(rng) for _ in range(20)}) > 10
