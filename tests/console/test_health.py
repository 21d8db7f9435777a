from sidecar.console.health import readiness
from sidecar.observer.observer import Observer
from tests.observer.talk import batch
from tests.observer.test_observer import Clock, settings


def observer(*batches):
    observer = Observer(settings(), Clock())
    for one in batches:
        observer.connected(one.worker)
        observer.hear(one)
    return observer


def test_ready_while_still_learning():
    status, body = readiness(observer(batch()))
    assert (status, body["ready"], body["reasons"]) == (200, True, ())
    assert body["data_plane"] == {"state": "up", "workers": 1}
    assert body["upstream"] == {"state": "up", "url": "http://127.0.0.1:8080"}
    assert body["learning"]["phase"] == "collecting"


def test_our_part_and_the_models_are_told_apart():
    status, body = readiness(observer(batch(upstream="down")))
    assert status == 503
    assert (body["data_plane"]["state"], body["upstream"]["state"]) == ("up", "down")
    assert body["reasons"] == ("the model server cannot be reached",)
    status, body = readiness(observer())
    assert status == 503
    assert (body["data_plane"]["state"], body["upstream"]["state"]) == ("down", "unknown")
    status, body = readiness(observer(batch(draining=True)))
    assert status == 503
    assert body["data_plane"]["state"] == "draining"


def test_why_learning_failed_stands_in_the_detail():
    failing = observer(batch())
    failing.learning.failed("two rows are not enough")
    status, body = readiness(failing)
    assert (status, body["learning"]["failure"]) == (200, "two rows are not enough")
