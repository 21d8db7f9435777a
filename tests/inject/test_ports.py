"""Free ports are found, demanded ones checked."""

import pytest

from sidecar.inject.annotations import Wishes
from sidecar.inject.ports import Ports, choose, used
from sidecar.inject.reasons import NotInjected


def pod(*ports):
    return {"spec": {"containers": [{"name": "m", "ports": [{"containerPort": port} for port in ports]}]}}


def test_usual_ones():
    assert choose(pod(8080), Wishes(), 8080, "redirect") == Ports(9700, 9701, 9702)


def test_taken_ones_are_passed_by():
    assert choose(pod(9700, 9710, 9702), Wishes(), 9700, "redirect") == Ports(9720, 9701, 9712)
    assert choose(pod(8080), Wishes(admin_port=9700), 8080, "redirect").listen == 9710


def test_traffic_port_takes_the_models_own():
    assert choose(pod(8080, 18080), Wishes(), 8080, "port") == Ports(8080, 9701, 9702, 18090)
    assert choose(pod(60000), Wishes(), 60000, "port").moved == 50000


def test_one_for_grpc_where_the_model_has_one():
    assert choose(pod(8080, 8081), Wishes(grpc_port=8081), 8080, "redirect") == Ports(
        9700, 9701, 9702, grpc=9703
    )
    assert choose(pod(8080, 9703), Wishes(grpc_port=8081), 8080, "service").grpc == 9713
    for demanded, others in (
        (9700, (9710, 9701, 9702)),
        (9701, (9700, 9711, 9702)),
        (9702, (9700, 9701, 9712)),
    ):
        found = choose(pod(8080), Wishes(grpc_port=8081, grpc_listen_port=demanded), 8080, "redirect")
        assert found == Ports(*others, grpc=demanded)
    with pytest.raises(NotInjected, match="8081 is taken"):
        choose(pod(8080), Wishes(grpc_port=8081, grpc_listen_port=8081), 8080, "redirect")


@pytest.mark.parametrize("wished", [Wishes(listen_port=8080), Wishes(admin_port=8080)])
def test_a_demanded_one_that_is_taken(wished):
    with pytest.raises(NotInjected, match="8080 is taken"):
        choose(pod(8080), wished, 8080, "redirect")


def test_what_probes_ask_is_used_too():
    one = pod(1)
    one["spec"]["containers"][0]["livenessProbe"] = {"httpGet": {"port": 9700}}
    one["spec"]["containers"][0]["startupProbe"] = {"tcpSocket": {"port": 9701}}
    one["spec"]["containers"][0]["readinessProbe"] = {"grpc": {"port": 9702}}
    one["spec"]["initContainers"] = [{"name": "i", "ports": [{"containerPort": 2}]}]
    assert used(one) == {1, 2, 9700, 9701, 9702}
