"""Which port is the model's: asked, known, plain, or not told. The golden pods have the rest."""

import pytest

from sidecar.inject.annotations import Wishes
from sidecar.inject.reasons import NotInjected
from sidecar.inject.servers import SERVERS, Model, containers, find, mesh, server_of


def pod(*containers, **metadata):
    return {"metadata": metadata, "spec": {"containers": list(containers)}}


def named(name="m", image="x", *ports, **more):
    return {"name": name, "image": image, "ports": [{"containerPort": port} for port in ports], **more}


@pytest.mark.parametrize(
    ("image", "server"),
    [
        ("nvcr.io/nvidia/tritonserver:24.05-py3", "Triton"),
        ("tritonserver", "Triton"),
        ("registry:5000/pytorch/torchserve", "TorchServe"),
        ("tensorflow/serving@sha256:00", "TensorFlow Serving"),
        ("vllm/vllm-openai:latest", "vLLM"),
        ("docker.io/seldonio/mlserver:1.7.1-sklearn", "MLServer"),
        ("rayproject/ray-ml:2.9", "Ray Serve"),
        ("ghcr.io/huggingface/text-generation-inference:2", "TGI"),
        ("array", ""),
        ("example/ray-of-light", ""),
        ("", ""),
    ],
)
def test_images(image, server):
    assert server_of({"name": "m", "image": image}, {}) == server


@pytest.mark.parametrize(
    ("labels", "server"), [({"ray.io/cluster": "c"}, "Ray Serve"), ({"yatai.ai/bento": "b"}, "BentoML")]
)
def test_labels_of_operators(labels, server):
    assert find(pod(named(), labels=labels), Wishes()) == Model("m", SERVERS[server].port, server)


@pytest.mark.parametrize(
    ("container", "port"),
    [
        (named("m", "tritonserver", args=["--http-port", "1234"]), 1234),
        (named("m", "tritonserver", command=["tritonserver", "--http-port=1234"]), 1234),
        (named("m", "tritonserver", args=["--http-port"]), 8000),
        (named("m", "mlserver", env=[{"name": "MLSERVER_HTTP_PORT", "value": "1234"}]), 1234),
        (named("m", "mlserver", env=[{"name": "MLSERVER_HTTP_PORT", "valueFrom": {}}]), 8080),
        (named("m", "mlserver", 7000), 7000),
        (named("m", "mlserver", 7000, 8080), 8080),
    ],
)
def test_a_known_server_may_have_been_moved(container, port):
    assert find(pod(container), Wishes()).port == port


def test_what_is_asked_for_wins():
    two = pod(named("a", "tritonserver", 8000), named("b", "x", 9999))
    assert find(two, Wishes(port=9999)) == Model("b", 9999)
    assert find(two, Wishes(container="b", port=1)) == Model("b", 1)
    assert find(two, Wishes(port=5)) == Model("a", 5, "Triton")


def test_port_that_says_another_protocol():
    grpc = {"name": "m", "ports": [{"containerPort": 9, "name": "grpc"}]}
    with pytest.raises(NotInjected, match="is called grpc"):
        find(pod(grpc), Wishes(port=9))


def test_helpers_are_no_models():
    assert find(pod(named("daprd", "d", 8080), named("m", "x", 8000)), Wishes()).container == "m"


@pytest.mark.parametrize("port", [5432, 6379, 9092, 27017])
def test_an_unnamed_port_that_is_no_usual_one(port):
    with pytest.raises(NotInjected) as caught:
        find(pod(named("m", "x", port)), Wishes())
    assert caught.value.reason == "no-port"


def test_meshes():
    assert mesh(pod(named())) == ""
    assert mesh(pod(named(), annotations={"sidecar.istio.io/status": "{}"})) == "sidecar.istio.io/status"
    native = {"spec": {"containers": [named()], "initContainers": [named("linkerd-proxy")]}}
    assert mesh(native) == "linkerd-proxy"
    assert [one["name"] for one in containers(native)] == ["m", "linkerd-proxy"]
