"""The chart: what follows from other files, and what real Helm makes of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import promql_parser
import pytest
import yaml

from charts.generate import documented, generated
from reconciler import config
from reconciler.core.model import Failure, Hold, Key, Plan, Reason
from reconciler.core.report import Report
from reconciler.telemetry import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
CHART = ROOT / "charts/helm-promoter"
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


Object = dict[str, Any]


# --- what follows from other files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*generated()], ids=lambda path: path.name)
def test_what_is_generated_is_current(path: Path) -> None:
    assert generated()[path] == path.read_text(), "run make chart"


def shown_values() -> Iterator[object]:
    for page in (CHART / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for text in re.findall(r"^```yaml\n(# values\.yaml\n.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
            yield pytest.param(yaml.safe_load(text), id=page.name)


@pytest.mark.parametrize("values", [*shown_values()])
def test_the_values_that_the_documents_show_are_good(values: Object, tmp_path: Path) -> None:
    jsonschema.validate(values, json.loads((CHART / "values.schema.json").read_text()))
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(values["config"]))

    loaded = config.load(file, {})

    mounted = {f"/var/run/secrets/helm-promoter/{name}" for name in values.get("secrets", [])}
    assert {str(path.parent) for path in config.credentials(loaded)} <= mounted


def test_a_release_puts_its_image_where_the_chart_has_it() -> None:
    """The release workflow replaces whole lines of values.yaml."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yaml").read_text())
    script = next(step["run"] for step in workflow["jobs"]["chart"]["steps"] if "sed" in step.get("run", ""))
    patterns = re.findall(r"s\|(\^[^|]*)\|", script)

    assert len(patterns) == 2
    for pattern in patterns:
        assert len(re.findall(pattern, (CHART / "values.yaml").read_text(), re.MULTILINE)) == 1


def leaves(values: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(values, dict) and values:
        for name, value in values.items():
            yield from leaves(value, (*path, name))
    else:
        yield path


def test_every_value_says_what_it_is_for() -> None:
    said = {path for path, _ in documented((CHART / "values.yaml").read_text())}

    silent = [path for path in leaves(VALUES) if not said & {path[:size] for size in range(1, len(path) + 1)}]

    assert silent == []
    assert len(said) > 50


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_configs_of_the_examples_are_good(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(path.read_text())["config"]))

    assert config.load(file, {}).promotions


def test_a_pod_is_given_more_time_to_end_than_a_pass_may_take(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(CASES[0].read_text())["config"]))

    deadline = config.load(file, {}).active_deadline

    assert timedelta(seconds=VALUES["terminationGracePeriodSeconds"]) > deadline
    assert timedelta(seconds=VALUES["cronjob"]["activeDeadlineSeconds"]) > deadline


def alerts() -> list[dict[str, str]]:
    """Give the alerts as Helm would, but for the names of labels."""
    text = re.sub(r"\s*\{\{- \.at -\}\}\s*", 'namespace="promo"', (CHART / "alerts.yaml").read_text())
    return yaml.safe_load(re.sub(r'\{\{ "(.*?)" \}\}', r"\1", text))


def queries() -> Iterator[tuple[str, str]]:
    for alert in alerts():
        yield alert["alert"], alert["expr"]
    for panel in json.loads((CHART / "dashboards/helm-promoter.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$", "")


def shown() -> dict[str, set[str]]:
    """List the series that the program shows, with their labels."""
    metrics = Metrics("1")
    fatal = Failure("office", "staging", "no answer", fatal=True)
    plan = Plan(
        datetime(2026, 3, 1, tzinfo=UTC), holds=(Hold("home", Key("a", "b"), Reason.STALE, ""),), errors=(fatal,)
    )
    metrics.tell(Report(plan), plan.at, timedelta(seconds=1))
    metrics.tell_phases([("planning", timedelta(seconds=1))])
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    return {sample.name: set(sample.labels) for sample in samples}


def selectors(query: object) -> Iterator[promql_parser.VectorSelector]:
    if isinstance(query, promql_parser.VectorSelector):
        yield query
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        if (inner := getattr(query, name, None)) is not None:
            yield from selectors(inner)
    for argument in getattr(query, "args", None) or ():
        yield from selectors(argument)


@pytest.mark.parametrize(("title", "query"), [*queries()])
def test_alerts_and_panels_ask_for_what_is_shown(title: str, query: str) -> None:
    known = shown()

    asked = list(selectors(promql_parser.parse(query)))

    assert asked, title
    for one in asked:
        assert one.name in known, title
        labels = {matcher.name for matcher in one.matchers.matchers} - {"namespace"}
        assert labels <= known[one.name], title


def slugs(page: Path) -> set[str]:
    """Give the anchors of a page's headings as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alert_leads_to_what_to_do() -> None:
    anchors = {alert["anchor"] for alert in alerts()}

    assert len(anchors) == len(alerts()) == 7
    assert anchors <= slugs(ROOT / "docs/troubleshooting.md")
    assert VALUES["metrics"]["rules"]["runbook"].endswith("/docs/troubleshooting.md")


def test_every_hold_says_what_to_do() -> None:
    assert {reason.value for reason in Reason} <= slugs(ROOT / "docs/troubleshooting.md")


# --- what Helm makes of it -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    from tests.e2e.build import build  # noqa: PLC0415 - only where it is needed

    program, home = build().program("helm"), str(tmp_path_factory.mktemp("helm"))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environ = {"HOME": home, "PATH": os.environ["PATH"]}
        return subprocess.run([program, *words], env=environ, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def render(helm: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., list[Object]]:
    def run(case: str, *words: str) -> list[Object]:
        values = str(CHART / "ci" / f"{case}-values.yaml")
        done = helm("template", "hp", str(CHART), "--namespace", "promo", "--values", values, *words)
        assert done.returncode == 0, done.stderr
        return [thing for thing in yaml.safe_load_all(done.stdout) if thing]

    return run


def of(kind: str, things: list[Object]) -> list[Object]:
    return [thing for thing in things if thing["kind"] == kind]


def pod(things: list[Object]) -> Object:
    """Give the pod's template, whoever makes the pod."""
    (owner,) = of("Deployment", things) or of("CronJob", things)
    spec = owner["spec"]
    return spec["template"] if owner["kind"] == "Deployment" else spec["jobTemplate"]["spec"]["template"]


def container(things: list[Object]) -> Object:
    (one,) = pod(things)["spec"]["containers"]
    return one


every_case = pytest.mark.parametrize("case", [path.stem.removesuffix("-values") for path in CASES])


@pytest.mark.e2e
@every_case
def test_helm_finds_nothing_to_say(helm: Callable[..., subprocess.CompletedProcess[str]], case: str) -> None:
    done = helm("lint", "--strict", str(CHART), "--values", str(CHART / "ci" / f"{case}-values.yaml"))

    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout


@pytest.mark.e2e
@every_case
def test_the_config_arrives_as_it_was_given(render: Callable[..., list[Object]], case: str, tmp_path: Path) -> None:
    given = yaml.safe_load((CHART / "ci" / f"{case}-values.yaml").read_text())["config"]

    mounted = next(one for one in of("ConfigMap", render(case)) if "config.yaml" in one["data"])

    assert yaml.safe_load(mounted["data"]["config.yaml"]) == given
    (tmp_path / "config.yaml").write_text(mounted["data"]["config.yaml"])
    assert config.load(tmp_path / "config.yaml", {}).promotions


@pytest.mark.e2e
@every_case
def test_every_object_is_labelled_and_in_the_namespace(render: Callable[..., list[Object]], case: str) -> None:
    things = render(case)

    for thing in things:
        assert thing["metadata"]["labels"]["app.kubernetes.io/instance"] == "hp"
        if thing["kind"] not in {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}:
            assert thing["metadata"]["namespace"] == "promo"
    names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in things]
    assert len(set(names)) == len(names)


@pytest.mark.e2e
@every_case
def test_the_pod_is_restricted(render: Callable[..., list[Object]], case: str) -> None:
    spec, one = pod(render(case))["spec"], container(render(case))

    assert spec["securityContext"] == VALUES["podSecurityContext"]
    assert one["securityContext"] == VALUES["securityContext"]
    assert one["securityContext"]["readOnlyRootFilesystem"] is True
    assert {volume["name"] for volume in spec["volumes"] if "emptyDir" in volume} == {"cache", "tmp"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert one["resources"]["limits"]["memory"]


READ = ["get", "list"]
RELEASES = {"apiGroups": ["helm.toolkit.fluxcd.io"], "resources": ["helmreleases"], "verbs": READ}
SOURCES = {"apiGroups": ["source.toolkit.fluxcd.io"], "resources": ["ocirepositories", "helmcharts"], "verbs": READ}


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("case", "more", "roles", "everywhere"),
    [
        pytest.param(
            "namespaces",
            (),
            {"monitoring": [RELEASES, SOURCES], "vault": [RELEASES, SOURCES]},
            [],
            id="listed namespaces have a Role each",
        ),
        pytest.param(
            "namespaces",
            ("--set", "rbac.sourceNamespaces={flux-system,vault}"),
            {"monitoring": [RELEASES, SOURCES], "vault": [RELEASES, SOURCES], "flux-system": [SOURCES]},
            [],
            id="a namespace of sources shows no releases",
        ),
        pytest.param("everywhere", (), {}, [[RELEASES, SOURCES]], id="all namespaces have one ClusterRole"),
        pytest.param("remote", (), {}, [], id="another cluster needs no right in this one"),
        pytest.param("namespaces", ("--set", "rbac.create=false"), {}, [], id="no Role if others make them"),
    ],
)
def test_the_rights_are_the_least(
    render: Callable[..., list[Object]],
    case: str,
    more: tuple[str, ...],
    roles: dict[str, list[Object]],
    everywhere: list[list[Object]],
) -> None:
    things = render(case, *more)

    assert {one["metadata"]["namespace"]: one["rules"] for one in of("Role", things)} == roles
    assert [one["rules"] for one in of("ClusterRole", things)] == everywhere
    bindings = of("RoleBinding", things) + of("ClusterRoleBinding", things)
    assert len(bindings) == len(roles) + len(everywhere)
    account = pod(things)["spec"]["serviceAccountName"]
    for binding in bindings:
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "promo"}]


@pytest.mark.e2e
def test_a_pod_without_rights_in_this_cluster_has_no_token(render: Callable[..., list[Object]]) -> None:
    assert pod(render("remote"))["spec"]["automountServiceAccountToken"] is False
    assert pod(render("namespaces"))["spec"]["automountServiceAccountToken"] is True
    assert pod(render("remote"))["spec"]["serviceAccountName"] == "existing"
    assert of("ServiceAccount", render("remote")) == []


@pytest.mark.e2e
def test_a_deployment_has_one_pod_at_a_time_that_is_probed(render: Callable[..., list[Object]]) -> None:
    things = render("everywhere")

    (deployment,) = of("Deployment", things)
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    one = container(things)
    assert one["args"] == ["run", "--config=/etc/helm-promoter/config.yaml", "--listen=:9090"]
    assert one["image"] == "registry.example.com/helm-promoter@sha256:" + "0123456789abcdef" * 4
    assert (one["livenessProbe"]["httpGet"]["path"], one["readinessProbe"]["httpGet"]["path"]) == (
        "/healthz",
        "/readyz",
    )
    (service,) = of("Service", things)
    assert service["spec"]["selector"].items() <= pod(things)["metadata"]["labels"].items()
    assert of("CronJob", things) == []


@pytest.mark.e2e
def test_a_cronjob_makes_one_pass_after_another(render: Callable[..., list[Object]]) -> None:
    things = render("cronjob")

    (cronjob,) = of("CronJob", things)
    assert cronjob["spec"]["concurrencyPolicy"] == "Forbid"
    assert cronjob["spec"]["timeZone"] == "Europe/Berlin"
    job = cronjob["spec"]["jobTemplate"]["spec"]
    assert (job["backoffLimit"], job["activeDeadlineSeconds"]) == (0, 660)
    assert pod(things)["spec"]["restartPolicy"] == "Never"
    assert container(things)["args"] == ["run", "--config=/etc/helm-promoter/config.yaml", "--once"]
    assert {thing["kind"] for thing in things} == {
        "ConfigMap", "CronJob", "NetworkPolicy", "Role", "RoleBinding", "ServiceAccount",
    }  # fmt: skip


@pytest.mark.e2e
def test_secrets_are_mounted_by_name_and_never_written(render: Callable[..., list[Object]]) -> None:
    things = render("everywhere")

    assert of("Secret", things) == []
    mounts = {one["mountPath"]: one["name"] for one in container(things)["volumeMounts"]}
    volumes = {one["name"]: one for one in pod(things)["spec"]["volumes"]}
    for name in ("github-app", "staging.kubeconfig"):
        assert volumes[mounts[f"/var/run/secrets/helm-promoter/{name}"]]["secret"]["secretName"] == name


@pytest.mark.e2e
def test_another_config_makes_another_pod(render: Callable[..., list[Object]]) -> None:
    def checksum(*more: str) -> str:
        return pod(render("namespaces", *more))["metadata"]["annotations"]["checksum/config"]

    assert checksum() == checksum("--set", "dryRun=false")
    assert checksum() != checksum("--set", "config.interval=7m")


@pytest.mark.e2e
def test_a_first_look_is_a_dry_run(render: Callable[..., list[Object]]) -> None:
    assert "--dry-run" in container(render("namespaces"))["args"]
    assert "--dry-run" not in container(render("namespaces", "--set", "dryRun=false"))["args"]


@pytest.mark.e2e
def test_the_network_is_shut_but_for_what_is_needed(render: Callable[..., list[Object]]) -> None:
    (policy,) = of("NetworkPolicy", render("everywhere"))
    spec = policy["spec"]

    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (ingress,) = spec["ingress"]
    assert ingress["ports"] == [{"port": "http"}]
    assert ingress["from"] == VALUES_OF["everywhere"]["networkPolicy"]["ingressFrom"]
    dns, rest = spec["egress"]
    assert {port["port"] for port in dns["ports"]} == {53}
    assert [port["port"] for port in rest["ports"]] == [443, 6443, 22]
    assert rest["to"] == [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    assert "ingress" not in of("NetworkPolicy", render("cronjob"))[0]["spec"]
    assert of("NetworkPolicy", render("remote")) == []


VALUES_OF = {path.stem.removesuffix("-values"): yaml.safe_load(path.read_text()) for path in CASES}


@pytest.mark.e2e
def test_metrics_come_with_alerts_and_a_dashboard(render: Callable[..., list[Object]]) -> None:
    things = render("everywhere")

    (monitor,), (rule,) = of("ServiceMonitor", things), of("PrometheusRule", things)
    (service,) = of("Service", things)
    assert monitor["metadata"]["labels"]["release"] == rule["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert {one["port"] for one in monitor["spec"]["endpoints"]} == {one["name"] for one in service["spec"]["ports"]}
    rules = rule["spec"]["groups"][0]["rules"]
    assert [one["expr"] for one in rules] == [alert["expr"] for alert in alerts()]
    assert all(one["annotations"]["runbook_url"].startswith("https://") for one in rules)
    assert all(one["labels"]["team"] == "platform" for one in rules)
    assert "{{ $labels.promotion }}" in rules[2]["annotations"]["summary"]
    dashboard = next(one for one in of("ConfigMap", things) if "helm-promoter.json" in one["data"])
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(dashboard["data"]["helm-promoter.json"])["title"] == "helm-promoter"


TOGGLES = {
    "serviceAccount.create": {"ServiceAccount"},
    "rbac.create": {"Role", "RoleBinding"},
    "networkPolicy.enabled": {"NetworkPolicy"},
    "metrics.serviceMonitor.enabled": {"ServiceMonitor"},
    "metrics.rules.enabled": {"PrometheusRule"},
}
"""What is made if a value is true, and not if it is false."""
MODES = {"deployment": {"Deployment", "Service"}, "cronjob": {"CronJob"}}


@pytest.mark.e2e
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("chosen", [*product([True, False], repeat=len(TOGGLES))], ids=str)
def test_what_is_asked_for_is_made_and_nothing_else(
    helm: Callable[..., subprocess.CompletedProcess[str]], mode: str, chosen: tuple[bool, ...]
) -> None:
    values = str(CHART / "ci/namespaces-values.yaml")
    switches = [f"--set={name}={str(on).lower()}" for name, on in zip(TOGGLES, chosen, strict=True)]

    done = helm("template", "hp", str(CHART), "--values", values, f"--set=mode={mode}", *switches)

    if mode == "cronjob" and any(chosen[3:]):
        assert "/metrics/" in done.stderr  # a pod that ends shows no figures
        return
    made = {thing["kind"] for thing in yaml.safe_load_all(done.stdout) if thing}
    wanted = [kinds for kinds, on in zip(TOGGLES.values(), chosen, strict=True) if on]
    assert made == {"ConfigMap"} | MODES[mode] | set().union(*wanted)


REFUSED = {
    "no config": ("remote", ("--set", "config=null"), "missing property 'config'"),
    "a mistake in the config": ("namespaces", ("--set", "config.intervall=1m"), "intervall"),
    "a namespace that cannot be": (
        "namespaces",
        ("--set", "config.promotions[0].staging.namespaces={Vault}"),
        "/config/promotions/0",
    ),
    "two replicas": ("namespaces", ("--set", "replicas=2"), "/replicas"),
    "an unknown value": ("namespaces", ("--set", "replica=1"), "replica"),
    "an unknown mode": ("namespaces", ("--set", "mode=daemonset"), "/mode"),
    "a digest that is none": ("namespaces", ("--set", "image.digest=latest"), "/image/digest"),
    "rules where nothing is shown": ("cronjob", ("--set", "metrics.rules.enabled=true"), "/metrics/rules/enabled"),
}


@pytest.mark.e2e
@pytest.mark.parametrize(("case", "more", "place"), REFUSED.values(), ids=REFUSED)
def test_mistakes_are_told_before_anything_is_installed(
    helm: Callable[..., subprocess.CompletedProcess[str]], case: str, more: tuple[str, ...], place: str
) -> None:
    done = helm("template", "hp", str(CHART), "--values", str(CHART / "ci" / f"{case}-values.yaml"), *more)

    assert done.returncode != 0
    assert place in done.stderr


@pytest.mark.e2e
def test_the_chart_is_packed_without_its_examples(
    helm: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = helm("package", str(CHART), "--destination", str(tmp_path), "--version", "1.2.3", "--app-version", "1.2.3")

    assert done.returncode == 0, done.stderr
    listed = subprocess.run(
        ["tar", "-tzf", tmp_path / "helm-promoter-1.2.3.tgz"], capture_output=True, text=True, check=True
    )
    assert "helm-promoter/alerts.yaml" in listed.stdout
    assert "/ci/" not in listed.stdout
