"""Into the pod: a pod, or a template of pods, goes in; the same comes out with a sidecar before its model.

    annotations.py  what the pod's owner asks for        settings.py    what the cluster's owner has settled
    servers.py      which port is the model's            ports.py       which ports are free for us
    probes.py       probes still mean what they meant    resources.py   requests and limits, QoS kept
    containers.py   the containers that are added        record.py      what changed, so that it can be undone
    pod.py          all of it, or the reason why not     service.py     a Service's targetPort
    json_patch.py   before and after -> RFC 6902         reasons.py     every reason there is

All of these are pure, and work on JSON as it came: a field that this version has never heard of stays.
Two ways lead to them:

    review.py, server.py, webhook.py, measures.py   `sidecar webhook`: AdmissionReviews over TLS
    authority.py, keeping.py, cluster.py, events.py its certificates, its talk with the Kubernetes API
    workloads.py, manifest.py, command.py           `sidecar inject`, `sidecar uninject`: manifests in files

`redirect.py` runs inside the pod and leads the model's port to the sidecar.
"""
