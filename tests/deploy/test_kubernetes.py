"""The Kubernetes overlay as a cluster reads it: built by kustomize, valid, confined, its NATS really a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import re
import shutil
import socket
import subprocess
import tempfile
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import nats
import pytest
import yaml
from nats.aio.msg import Msg
from pydantic_settings import BaseSettings

from media.config import Settings as Media
from provisioning.config import Settings as Provisioning
from sandbox.engines.nats import binary
from sandbox.engines.processes import Child, start
from web.config import Settings as Web

_ROOT = Path(__file__).parents[2]
_FOLDER = _ROOT / "deploy" / "kubernetes"
_OTHERS = {"Gateway", "HTTPRoute", "ScaledObject"}  # of the Gateway API and KEDA: not among Kubernetes' own kinds
_SETTINGS: dict[str, type[BaseSettings]] = {"media": Media, "web": Web, "provisioning": Provisioning}
_PODS = ("Deployment", "StatefulSet", "Job", "CronJob")


@cache
def _built(folder: str) -> list[dict[str, Any]]:
    """What ``kubectl apply -k`` would send. Without ``--load-restrictor``, which kubectl calls by a new name now."""
    with tempfile.TemporaryDirectory() as copied:
        copy = Path(copied) / folder
        shutil.copytree(_FOLDER.parent / folder, copy)
        rules = copy / "kustomization.yaml"
        text = rules.read_text()
        for beside in re.findall(r"=\.\./([\w/.]+)", text):
            shutil.copy(_FOLDER.parent / beside, copy)
            text = text.replace(f"../{beside}", Path(beside).name)
        rules.write_text(text)
        ran = subprocess.run(["kubectl", "kustomize", copy], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return list(yaml.safe_load_all(ran.stdout))


def _all() -> list[dict[str, Any]]:
    return _built("kubernetes") + _built("kubernetes/migrate")


def _pod(each: dict[str, Any]) -> dict[str, Any]:
    """The template of the pods that ``each`` makes."""
    spec = each["spec"]["jobTemplate"]["spec"] if each["kind"] == "CronJob" else each["spec"]
    return dict(spec["template"])


def _selects(policy: dict[str, Any], app: str) -> bool:
    selector = policy["spec"]["podSelector"]
    named = [value for rule in selector.get("matchExpressions", []) for value in rule["values"]]
    return app in [*named, selector.get("matchLabels", {}).get("app")]


def _of(*kinds: str) -> Iterator[dict[str, Any]]:
    return (each for each in _all() if each["kind"] in kinds)


def _named(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in _of(kind)}


def test_everything_is_valid() -> None:
    for each in _all():
        if each["kind"] not in _OTHERS:
            kubernetes_validate.validate(each, "1.33", strict=True)  # type: ignore[attr-defined]


def test_everything_lies_in_one_namespace() -> None:
    cluster = {"Namespace", "PriorityClass"}
    assert {each["metadata"].get("namespace") for each in _all() if each["kind"] not in cluster} == {"bilby"}


def test_images_are_named_by_tag() -> None:
    version = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = {container["image"] for each in _of(*_PODS) for container in _pod(each)["spec"]["containers"]}
    assert f"registry.example.com.au/bilby:{version}" in images
    assert all(re.search(r":\d[\w.]*$", image) for image in images)
    assert len(images) == 3


@pytest.mark.parametrize("process", _SETTINGS)
def test_each_process_has_a_config_map_of_its_own(process: str) -> None:
    data = next(each["data"] for each in _of("ConfigMap") if each["metadata"]["name"].startswith(f"{process}-"))
    assert {name.lower() for name in data} <= set(_SETTINGS[process].model_fields)
    pod = _named("Deployment")[process]["spec"]["template"]["spec"]
    maps = [source["configMapRef"]["name"] for source in pod["containers"][0]["envFrom"] if "configMapRef" in source]
    assert [name.rpartition("-")[0] for name in maps] == [process]


def test_what_calls_depend_on_may_lose_one_pod_at_a_time_and_lies_apart() -> None:
    budgets = {each["spec"]["selector"]["matchLabels"]["app"]: each["spec"] for each in _of("PodDisruptionBudget")}
    assert {app: spec["maxUnavailable"] for app, spec in budgets.items()} == {"media": 1, "web": 1, "nats": 1}
    for each in _of("Deployment", "StatefulSet"):
        if (app := each["metadata"]["name"]) in budgets:
            pod = each["spec"]["template"]["spec"]
            assert each["spec"]["replicas"] >= 2
            assert pod["priorityClassName"] in _named("PriorityClass")
            spread = {constraint["topologyKey"] for constraint in pod["topologySpreadConstraints"]}
            assert spread == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}, app


def test_nobody_talks_but_as_it_is_said() -> None:
    policies = _named("NetworkPolicy")
    assert policies["nobody"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    reach = {
        app: [policy for policy in policies.values() if _selects(policy, app)]
        for app in (_pod(each)["metadata"]["labels"]["app"] for each in _of(*_PODS))
    }
    assert all(reach.values()), "a pod without a policy of its own can talk to nobody"
    ports = {
        app: {port["port"] for policy in own for rule in policy["spec"].get("egress", []) for port in rule["ports"]}
        for app, own in reach.items()
    }
    assert 5432 not in ports["media"] | ports["nats"], "who hears has no way to the database"
    assert {443, 8443, 4222} <= ports["media"]


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("169.254.169.254", 80),  # an instance's metadata service
        ("169.254.170.23", 80),  # the Pod Identity agent
        ("fd00:ec2::23", 80),
        ("52.95.128.1", 443),  # STS, any address of Amazon's
        ("52.95.128.1", 8443),  # Transcribe
    ],
)
def test_media_and_nobody_else_may_ask_for_a_roles_credentials(address: str, port: int) -> None:
    open_to = {name for name, policy in _named("NetworkPolicy").items() if _lets_out(policy, address, port)}
    assert "media" in open_to
    if port == 80:
        assert open_to == {"media"}


def _lets_out(policy: dict[str, Any], address: str, port: int) -> bool:
    """Whether a policy allows TCP to an address outside the cluster."""
    wanted = ipaddress.ip_address(address)
    return any(
        wanted in ipaddress.ip_network(block["cidr"])
        and not any(wanted in ipaddress.ip_network(each) for each in block.get("except", []))
        for rule in policy["spec"].get("egress", [])
        if any(each["port"] == port for each in rule["ports"])
        for block in (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer)
    )


def test_both_names_are_routed() -> None:
    routes = _named("HTTPRoute")
    media = [match["path"]["value"] for rule in routes["media"]["spec"]["rules"] for match in rule["matches"]]
    assert media == ["/twilio/stream", "/console"]
    services = {each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in _of("Service")}
    for route in routes.values():
        for backend in (backend for rule in route["spec"]["rules"] for backend in rule["backendRefs"]):
            assert services[backend["name"]] == backend["port"]


def _arguments(name: str, ports: dict[str, int]) -> list[str]:
    """The manifest's own arguments of the server ``name``, with peers on loopback instead of in the cluster."""
    container = _named("StatefulSet")["nats"]["spec"]["template"]["spec"]["containers"][0]
    values = {"POD_NAME": name, "NATS_CLUSTER_PASSWORD": "peers"}
    filled = [re.sub(r"\$\((\w+)\)", lambda found: values[found[1]], argument) for argument in container["args"]]
    for peer, port in ports.items():
        filled = [argument.replace(f"{peer}.nats-peers:6222", f"127.0.0.1:{port}") for argument in filled]
    return [
        argument.replace("0.0.0.0:6222", f"127.0.0.1:{ports[name]}").replace("/etc/nats", str(_ROOT / "deploy"))
        for argument in filled
    ]


async def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


@contextlib.asynccontextmanager
async def _cluster(folder: Path, free_port: Callable[[], int]) -> AsyncIterator[dict[str, tuple[Child, int]]]:
    names = [f"nats-{number}" for number in range(3)]
    peers = {name: free_port() for name in names}
    async with contextlib.AsyncExitStack() as stack:
        servers = {}
        for name in names:
            port = free_port()
            child = await start(
                name,
                [binary(), *_arguments(name, peers), "--addr", "127.0.0.1", "--port", str(port)],
                log=folder / f"{name}.log",
                env={f"NATS_{user}_PASSWORD": user.lower() for user in ("MEDIA", "WEB", "PROVISIONING")},
                record=folder / f"{name}.pid",
            )
            stack.push_async_callback(child.stop)
            await child.ready(functools.partial(_listens, port), 20)
            servers[name] = (child, port)
        yield servers


async def test_three_servers_are_one_bus_and_one_may_die(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with _cluster(tmp_path, free_port) as servers:
        clients = {
            name: await nats.connect(f"nats://media:media@127.0.0.1:{port}") for name, (_, port) in servers.items()
        }
        heard: list[bytes] = []

        async def hear(message: Msg) -> None:
            heard.append(message.data)

        async def say_until_heard(name: str, word: bytes) -> None:
            while word not in heard:
                await clients[name].publish("transcript.org.call", word)
                await asyncio.sleep(0.05)

        await clients["nats-0"].subscribe("transcript.org.call", cb=hear)
        await asyncio.wait_for(say_until_heard("nats-1", b"one"), 60)
        await asyncio.wait_for(say_until_heard("nats-2", b"two"), 60)
        await clients.pop("nats-1").close()
        await servers["nats-1"][0].stop()
        await asyncio.wait_for(say_until_heard("nats-2", b"three"), 60)
        for client in clients.values():
            await client.close()
