"""Settings from flags, environment and file: who wins, and every way of being wrong in its words."""

from pathlib import Path

import pytest

from sidecar.errors import UsageError
from sidecar.sources import load, resolve

UPSTREAM = {"upstream": "http://127.0.0.1:8080"}


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Write settings to `sidecar.yaml` in a directory of its own, and stand there."""
    monkeypatch.chdir(tmp_path)

    def write(text: str | bytes) -> Path:
        path = Path("sidecar.yaml")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def refusal(flags=UPSTREAM, environ=None, config=None) -> list[str]:
    with pytest.raises(UsageError) as error:
        load(flags, environ or {}, config)
    return str(error.value).splitlines()


# -- who wins --------------------------------------------------------------------------------------


def test_defaults():
    settings = load(UPSTREAM, {}, None)
    assert (settings.upstream, settings.workers, settings.listen) == (
        "http://127.0.0.1:8080",
        1,
        "127.0.0.1:9700",
    )


def test_flag_over_environment_over_file_over_default(config):
    path = config("upstream: http://file:1\nworkers: 2\nlearn-rows: 20\nwindow-rows: 200\n")
    environ = {"SIDECAR_WORKERS": "3", "SIDECAR_LEARN_ROWS": "30"}
    resolved = resolve({"workers": "4"}, environ, path)
    settings, origins = resolved
    assert (settings.workers, settings.learn_rows, settings.window_rows) == (4, 30, 200)
    assert settings.kept_exchanges == 200
    assert origins["workers"] == "--workers"
    assert origins["learn_rows"] == "SIDECAR_LEARN_ROWS"
    assert origins["window_rows"] == "sidecar.yaml:4: window-rows"
    assert origins["kept_exchanges"] == "default"


def test_file_named_by_the_environment(config):
    path = config("workers: 2\n")
    assert load(UPSTREAM, {"SIDECAR_CONFIG": str(path)}, None).workers == 2


def test_flag_names_the_file_before_the_environment(config):
    path = config("workers: 2\n")
    assert load(UPSTREAM, {"SIDECAR_CONFIG": "absent.yaml"}, path).workers == 2


def test_empty_variable_counts_as_not_set(config):
    path = config("workers: 2\n")
    environ = {"SIDECAR_WORKERS": "", "SIDECAR_BASELINE": "", "SIDECAR_CONFIG": ""}
    assert load(UPSTREAM, environ, path).workers == 2


# -- the file --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("threshold: 1e-3", "threshold", 0.001),  # plain YAML 1.1 takes this for text
        ("queue-bytes: 8MiB", "queue_bytes", 8 * 2**20),
        ("connect-timeout: 500ms", "connect_timeout", 0.5),
        ("expose: none", "expose", "none"),
        ("detectors: [ecod, hbos]", "detectors", "ecod,hbos"),
        ('listen: "[::1]:9700"', "listen", "[::1]:9700"),
        ("listen: 127.0.0.1:9701 # another port", "listen", "127.0.0.1:9701"),
        ('baseline: ""', "baseline", ""),
        ("max-body-bytes: 1_000_000", "max_body_bytes", 1_000_000),
        ("service-name: &name fraud", "service_name", "fraud"),
    ],
)
def test_file_values(config, line, field, value):
    assert getattr(load(UPSTREAM, {}, config(line)), field) == value


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_empty_file_sets_nothing(config, text):
    assert load(UPSTREAM, {}, config(text)) == load(UPSTREAM, {}, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "workers: 2\nconect-timeout: 1\n",
            '2: unknown setting "conect-timeout"; did you mean "connect-timeout"?',
        ),
        ("connect_timeout: 1\n", '1: unknown setting "connect_timeout"; did you mean "connect-timeout"?'),
        ("zzz: 1\n", '1: unknown setting "zzz"; `sidecar run --help` lists them all'),
        ("<<: {workers: 2}\n", '1: unknown setting "<<"; `sidecar run --help` lists them all'),
        ("? [a]\n: 1\n", '1: unknown setting "?"; `sidecar run --help` lists them all'),
        ("workers: 2\n\nworkers: 2\n", '3: "workers" is set a second time; the first is in line 1'),
        (
            "workers: two\n",
            '1: workers: "two" is not a whole number; expected a whole number, 1 or more (default 1)',
        ),
        (
            "connect-timeout: soon\n",
            '1: connect-timeout: "soon" is not a number; '
            "expected seconds above 0, such as 2.5 or 500ms (default 2)",
        ),
        (
            "expose: all\n",
            '1: expose: "all" is unknown; expected one of caller, model, both, none (default caller)',
        ),
        ("baseline:\n", "1: baseline has no value; expected the path of a directory (default: empty)"),
        (
            "service-name: [a, b]\n",
            "1: service-name has a list; expected a name without spaces (default sidecar)",
        ),
        (
            "service-name: {a: b}\n",
            "1: service-name has a mapping; expected a name without spaces (default sidecar)",
        ),
        (
            "detectors: [ecod, [hbos]]\n",
            "1: detectors has a list; expected PyOD detectors separated by commas, such as ecod,iforest "
            "or lof,abod(n_neighbors=5) (default ecod,knn-500)",
        ),
        (
            "service-name: !env N\n",
            "1: service-name has the tag !env; expected a name without spaces (default sidecar)",
        ),
        (
            "service-name: !!python/name:os.system x\n",
            "1: service-name has the tag tag:yaml.org,2002:python/name:os.system; "
            "expected a name without spaces (default sidecar)",
        ),
        ("- workers\n", "1: not settings; expected lines such as `workers: 2`"),
        ("workers\n", "1: not settings; expected lines such as `workers: 2`"),
        ("workers: 2\n  bad: [\n", "2: not YAML: mapping values are not allowed here"),
        ("workers: [\n", "2: not YAML: expected the node content, but found '<stream end>'"),
        ("workers: 2\n---\nworkers: 3\n", "2: not YAML: but found another document"),
    ],
)
def test_file_refused(config, text, words):
    assert refusal(config=config(text)) == [f"sidecar.yaml:{words}"]


def test_file_that_is_no_text(config):
    [words] = refusal(config=config(b"\xff\xfe\x00\x01\x02"))
    assert words.startswith("sidecar.yaml: not YAML: ")


def test_file_that_is_absent(tmp_path):
    path = tmp_path / "absent.yaml"
    assert refusal(config=path) == [f"{path}: cannot be read: No such file or directory"]


def test_file_that_is_a_directory(tmp_path):
    assert refusal(config=tmp_path) == [f"{tmp_path}: cannot be read: Is a directory"]


def test_nothing_in_a_file_is_executed(config, tmp_path):
    proof = tmp_path / "executed"
    refusal(config=config(f"service-name: !!python/object/apply:os.mkdir ['{proof}']\n"))
    assert not proof.exists()


# -- flags and environment -------------------------------------------------------------------------


def test_unknown_flag():
    assert refusal(UPSTREAM | {"drain-timout": "1"}) == [
        '--drain-timout: unknown flag; did you mean "--drain-timeout"?'
    ]


def test_unknown_variable():
    assert refusal(environ={"SIDECAR_DRAIN_TIMOUT": "1", "PATH": "/bin"}) == [
        'SIDECAR_DRAIN_TIMOUT: unknown environment variable; did you mean "SIDECAR_DRAIN_TIMEOUT"?'
    ]


def test_wrong_variable():
    assert refusal(environ={"SIDECAR_TRACE_RATIO": "2"}) == [
        'SIDECAR_TRACE_RATIO: "2" is out of range; expected a number from 0 to 1 (default 0.01)'
    ]


@pytest.mark.parametrize("service", ["SIDECAR", "SIDECAR_WEBHOOK"])
def test_service_links_of_kubernetes_are_not_ours(service):
    environ = {
        f"{service}_SERVICE_HOST": "10.0.0.1",
        f"{service}_SERVICE_PORT": "443",
        f"{service}_SERVICE_PORT_HTTPS": "443",
        f"{service}_PORT": "tcp://10.0.0.1:443",
        f"{service}_PORT_443_TCP": "tcp://10.0.0.1:443",
        f"{service}_PORT_443_TCP_PROTO": "tcp",
        f"{service}_PORT_443_TCP_PORT": "443",
        f"{service}_PORT_443_TCP_ADDR": "10.0.0.1",
    }
    assert load(UPSTREAM, environ, None) == load(UPSTREAM, {}, None)


@pytest.mark.parametrize(
    "name", ["SIDECAR_PORT", "SIDECAR_LISTEN_PORT", "SIDECAR_SERVICE", "SIDECAR_SERVICE_NAMES"]
)
def test_what_only_resembles_a_service_link_is_refused(name):
    [words] = refusal(environ={name: "9700"})
    assert words.startswith(f"{name}: unknown environment variable")


# -- what no setting shows alone -------------------------------------------------------------------


def test_upstream_is_required():
    [words] = refusal({})
    assert words.startswith(
        "upstream is required: --upstream URL, or SIDECAR_UPSTREAM, or upstream in the file"
    )


def test_wrong_upstream_is_not_also_missing():
    [words] = refusal({"upstream": "model"})
    assert words.startswith('--upstream: "model" is not a URL')


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            {"listen": "127.0.0.1:9702"},
            "listen and admin are both 127.0.0.1:9702; give one of them another port",
        ),
        (
            {"listen": "127.0.0.1:8080"},
            "upstream is http://127.0.0.1:8080, where the sidecar itself listens; it would call itself",
        ),
        ({"tls-key": "key.pem"}, "tls-key is set without tls-cert and would have no effect"),
        (
            {"upstream-ca": "ca.pem"},
            "upstream-ca is set, but upstream is http://127.0.0.1:8080 and not https",
        ),
        (
            {"upstream-server-name": "model", "policy": "p.yaml"},
            "upstream-server-name is set, but upstream is http://127.0.0.1:8080 and not https",
        ),
        (
            {"grpc-listen": "127.0.0.1:9703", "grpc-upstream": "http://127.0.0.1:9703"},
            "grpc-upstream is http://127.0.0.1:9703, where the sidecar itself listens; it would call itself",
        ),
    ],
)
def test_clashes(flags, words):
    assert refusal(UPSTREAM | flags) == [words]


def test_what_does_not_clash():
    load(UPSTREAM | {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0"}, {}, None)
    load(
        {"upstream": "https://model:8443", "upstream-ca": "ca.pem", "tls-cert": "c", "tls-key": "k"}, {}, None
    )


@pytest.mark.parametrize(
    "https",
    [{"grpc-upstream": "https://127.0.0.1:8081"}, {"egress": "127.0.0.1:9701"}, {"policy": "p.yaml"}],
)
def test_certificates_have_a_use_wherever_https_may_be_called(https):
    load(UPSTREAM | {"upstream-ca": "ca.pem", "upstream-cert": "c.pem"} | https, {}, None)


def test_all_that_is_wrong_is_told_at_once(config):
    path = config("workers: 0\nworkers: 1\ncolour: red\nwindow-rows: many\n")
    words = refusal({"expose": "all", "listn": "x"}, {"SIDECAR_ADMN": "x", "SIDECAR_TRACE_RATIO": "2"}, path)
    assert [line.partition(" ")[0] for line in words] == [
        "sidecar.yaml:1:",
        "sidecar.yaml:2:",
        "sidecar.yaml:3:",
        "sidecar.yaml:4:",
        "SIDECAR_ADMN:",
        "SIDECAR_TRACE_RATIO:",
        "--expose:",
        "--listn:",
        "upstream",
    ]


def test_wrong_value_is_refused_though_a_stronger_source_overrules_it(config):
    [words] = refusal(UPSTREAM | {"workers": "2"}, config=config("workers: none\n"))
    assert words.startswith('sidecar.yaml:1: workers: "none" is not a whole number')
