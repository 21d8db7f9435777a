"""Laws for any pod: a valid one stays valid, a second injection changes nothing, undoing gives it back."""

import copy

import jsonpatch
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from sidecar.inject import json_patch, pod, record
from sidecar.inject.resources import guaranteed
from sidecar.inject.settings import Around, InjectSettings
from tests.inject.validity import valid_in_schemas, wrong

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True)
NUMBERS = st.sampled_from([80, 443, 3000, 8000, 8080, 8081, 9000, 9700, 9702, 9710, 18080, 50051, 65535])


def some(**fields):
    """An object with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


PORTS = st.lists(
    st.tuples(
        NUMBERS,
        st.sampled_from(["http", "grpc", "metrics", "web", "h2c", "x", None]),
        st.sampled_from(["TCP", "UDP"]),
    ),
    max_size=3,
    unique_by=(lambda one: one[0], lambda one: one[1] or object()),
).map(
    lambda found: [
        {"containerPort": number, "protocol": protocol, **({"name": name} if name else {})}
        for number, name, protocol in found
    ]
)


def actions(ports):
    """What a probe or hook of a container with these ports may ask."""
    names = [port["name"] for port in ports if "name" in port]
    where = NUMBERS | st.sampled_from(names) if names else NUMBERS
    get = st.fixed_dictionaries(
        {"port": where}, optional={"path": st.just("/x"), "scheme": st.sampled_from(["HTTP", "HTTPS"])}
    )
    connect = st.fixed_dictionaries({"port": where}, optional={"host": st.just("10.0.0.1")})
    return st.one_of(
        st.fixed_dictionaries({"httpGet": get}),
        st.fixed_dictionaries({"tcpSocket": connect}),
        st.fixed_dictionaries({"exec": st.just({"command": ["true"]})}),
        st.fixed_dictionaries({"grpc": st.fixed_dictionaries({"port": NUMBERS})}),
    )


TIMING = some(timeoutSeconds=st.integers(1, 9), periodSeconds=st.integers(1, 9))
AMOUNTS = some(cpu=st.just("1"), memory=st.just("1Gi"))
VARIABLE = st.fixed_dictionaries(
    {"name": st.sampled_from(["PORT", "A", "MLSERVER_HTTP_PORT"]), "value": st.sampled_from(["1", "8080"])}
)
CONTAINER = some(
    env=st.lists(VARIABLE, max_size=3),
    resources=some(limits=AMOUNTS, requests=some(cpu=st.just("500m"), memory=st.just("1Gi"))),
    securityContext=some(runAsUser=st.sampled_from([1000, 9700]), runAsNonRoot=st.booleans()),
    command=st.just(["serve"]),
    args=st.lists(st.sampled_from(["--port", "--http-port=8001", "x"]), max_size=2),
)
IMAGES = st.sampled_from(["x:1", "nvcr.io/nvidia/tritonserver:24.05", "seldonio/mlserver:1", "redis:7"])


@st.composite
def containers(draw, name, running=True):
    ports = draw(PORTS)
    one = {"name": name, "image": draw(IMAGES), **({"ports": ports} if ports else {}), **draw(CONTAINER)}
    if running:
        action = actions(ports)
        probe = st.builds(lambda what, when: {**what, **when}, action, TIMING)
        one |= draw(some(startupProbe=probe, readinessProbe=probe, livenessProbe=probe))
        if draw(st.booleans()):
            hook = action.filter(lambda what: "grpc" not in what)
            one["lifecycle"] = draw(some(postStart=hook, preStop=hook))
    return one


SPEC = some(
    restartPolicy=st.sampled_from(["Always", "Never", "OnFailure"]),
    hostNetwork=st.booleans(),
    terminationGracePeriodSeconds=st.sampled_from([0, 1, 30, 600]),
    imagePullSecrets=st.just([{"name": "mine"}]),
    volumes=st.just([{"name": "data", "emptyDir": {}}]),
    securityContext=some(runAsUser=st.just(9700), runAsNonRoot=st.just(True)),
    nodeSelector=st.just({"kubernetes.io/os": "linux"}),
)
WISHES = {
    "inject": ["true", "false"],
    "traffic": ["redirect", "service", "port"],
    "port": ["8080", "7"],
    "port-env": ["PORT"],
    "moved-port": ["18080", "9700"],
    "listen-port": ["9700", "8080"],
    "admin-port": ["9702", "9700"],
    "egress-ports": ["80,443"],
    "cpu-request": ["1", "2"],
    "cpu-limit": ["1", "50m"],
    "memory-limit": ["64Mi", "2Gi"],
    "memory-request": ["1Gi"],
    "baseline": ["configmap/b", "pvc/b/x", "s3://b"],
    "config": ["c"],
    "image-pull-secret": ["mine", "theirs"],
    "run-as-user": ["5", "none"],
}
ASKED = some(**{f"sidecar.observe/{name}": st.sampled_from(values) for name, values in WISHES.items()})


@st.composite
def pods(draw):
    special = st.sampled_from(["kserve-container", "queue-proxy"])
    names = draw(st.lists(NAMES | special, min_size=1, max_size=4, unique=True))
    split = draw(st.integers(1, len(names)))
    spec = {"containers": [draw(containers(name)) for name in names[:split]], **draw(SPEC)}
    for name in names[split:]:
        native = draw(st.booleans())
        one = draw(containers(name, running=native))
        spec.setdefault("initContainers", []).append(
            {**one, **({"restartPolicy": "Always"} if native else {})}
        )
    metadata = draw(some(name=NAMES, labels=st.just({"app": "a"})))
    if asked := draw(st.just({}) | ASKED):
        metadata["annotations"] = asked
    return {"apiVersion": "v1", "kind": "Pod", **({"metadata": metadata} if metadata else {}), "spec": spec}


AROUND = st.builds(
    Around,
    native=st.booleans(),
    pod_security=st.sampled_from(["", "restricted"]),
    settings=st.builds(
        InjectSettings,
        traffic=st.sampled_from(["redirect", "service"]),
        image_pull_secrets=st.just(("theirs",)),
    ),
)


@settings(max_examples=150)
@given(pods(), AROUND)
def test_any_pod(before, around):
    assume(not wrong(before))
    kept = copy.deepcopy(before)
    found = pod.inject(before, around)
    event(found.outcome)
    assert before == kept
    assert jsonpatch.apply_patch(before, json_patch.patch(before, found.pod)) == found.pod
    if found.outcome != "injected":
        assert found.pod == before
        return
    assert wrong(found.pod) == []
    valid_in_schemas(found.pod)
    assert pod.inject(found.pod, around).pod == found.pod
    assert record.undone(found.pod) == before
    assert guaranteed(found.pod) or not guaranteed(before)
