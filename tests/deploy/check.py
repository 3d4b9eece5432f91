"""What deploy/ ships, held against the platforms' schemas, the catalogue of metrics and what every part promises."""

import json
import os
import pathlib
import re
import subprocess
import tempfile

import kubernetes_validate
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from helm_python import Chart
from helm_python.errors import HelmError

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
BINARY = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "blackbar"
# What the Prometheus operator defines and the API's schemas do not hold.
FOREIGN = {"ServiceMonitor", "PrometheusRule"}
VERSIONS = ["1.29", "1.34"]
passed = 0


def done(what):
    global passed
    passed += 1
    print("ok", what)


def containers(manifest):
    spec = manifest["spec"]["template"]["spec"]
    return spec, spec.get("initContainers", []) + spec["containers"]


def check_manifests(manifests, what):
    for manifest in manifests:
        if manifest["kind"] in FOREIGN:
            continue
        for version in VERSIONS:
            kubernetes_validate.validate(manifest, version, strict=True)
    for deployment in (manifest for manifest in manifests if manifest["kind"] == "Deployment"):
        spec, all_of_them = containers(deployment)
        assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
        for container in all_of_them:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            mounts = {mount["name"] for mount in container["volumeMounts"]}
            assert mounts <= {volume["name"] for volume in spec["volumes"]}
        assert spec["terminationGracePeriodSeconds"] > 30, "shorter than the drain"
    done(f"{what}: {len(manifests)} manifests")


def check_config(manifests, what):
    """The configuration in a ConfigMap is one that the program takes, with keys where the manifest mounts them."""
    data = next(manifest for manifest in manifests if manifest["kind"] == "ConfigMap")["data"]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([BINARY, "certs", "--out", folder, "--client", "one", "--san", "uri:spiffe://a/b"], check=True, capture_output=True)
        for name, text in data.items():
            text = text.replace("/run/blackbar/tls/tls.", "server.").replace("/run/blackbar/tls/ca.crt", "ca.crt")
            (folder / name).write_text(text)
        ran = subprocess.run([BINARY, "check", "--config", folder / "blackbar.toml"], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
    done(f"{what}: configuration")


sidecar = list(yaml.safe_load_all((DEPLOY / "kubernetes/sidecar.yaml").read_text()))
check_manifests(sidecar, "sidecar")
check_config(sidecar, "sidecar")

version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
SHAPES = {
    "defaults": {},
    "bare": {"podDisruptionBudget": {"enabled": False}, "networkPolicy": {"enabled": False}},
    "full": {
        "replicas": 3,
        "image": {"repository": "registry.example/blackbar", "tag": "1"},
        "imagePullSecrets": [{"name": "registry"}],
        "keys": ["acme-key", "aws"],
        "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "acme"}}}],
        "service": {"type": "LoadBalancer", "port": 443},
        "networkPolicy": {"from": [{"namespaceSelector": {"matchLabels": {"team": "agents"}}}], "egressPorts": [443, 6514]},
        "monitoring": {"enabled": True},
        "podAnnotations": {"a": "b"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"a": "b"}}}
        ],
    },
}
with Chart.load(DEPLOY / "helm/blackbar") as chart:
    assert chart.metadata["appVersion"] == version, "the chart is of another version"
    for shape, values in SHAPES.items():
        rendered = chart.render(values=values, name="release", namespace="proxies")
        texts = rendered.values() if isinstance(rendered, dict) else [rendered]
        manifests = [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]
        check_manifests(manifests, f"chart, {shape}")
        check_config(manifests, f"chart, {shape}")
        names = {manifest["kind"] for manifest in manifests}
        assert ("NetworkPolicy" in names) == (shape != "bare") and ("PrometheusRule" in names) == (shape == "full"), names
    for wrong in [{"replicas": 0}, {"service": {"port": 70000}}, {"unknown": 1}]:
        try:
            chart.validate_schema(wrong)
        except HelmError:
            continue
        raise AssertionError(f"the chart takes {wrong}")
    done("chart: wrong values are refused")

catalogue = set(re.findall(r"^\| `(blackbar_\w+)` \|", (ROOT / "README.md").read_text(), re.M))
for file in ["grafana/blackbar.json", "prometheus/alerts.yaml"]:
    used = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"\bblackbar_\w+", (DEPLOY / file).read_text())}
    assert used and used <= catalogue, used - catalogue
    done(f"{file}: {len(used)} metrics of the catalogue")
dashboard = json.loads((DEPLOY / "grafana/blackbar.json").read_text())
shown = {
    re.sub("_(bucket|sum|count)$", "", name)
    for panel in dashboard["panels"]
    for target in panel.get("targets", [])
    for name in re.findall(r"\bblackbar_\w+", target["expr"])
}
assert catalogue <= shown, catalogue - shown
cells = [
    (column, line)
    for panel in dashboard["panels"]
    for grid in [panel["gridPos"]]
    for column in range(grid["x"], grid["x"] + grid["w"])
    for line in range(grid["y"], grid["y"] + grid["h"])
]
assert len(cells) == len(set(cells)), "panels lie on each other"
done("dashboard: every metric has a place")
# The dashboard's expressions are read by promtool as rules would be.
with tempfile.TemporaryDirectory() as folder:
    fill = lambda text: text.replace("$__rate_interval", "5m").replace("$workspace", ".*")
    expressions = [fill(target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", [])]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    path = pathlib.Path(folder) / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    subprocess.run([ROOT / "target/deploy/usr/bin/promtool", "check", "rules", path], check=True, stdout=subprocess.DEVNULL)
done(f"dashboard: {len(expressions)} expressions")

with tempfile.TemporaryDirectory() as folder:
    unit = pathlib.Path(folder) / "blackbar.service"
    unit.write_text((DEPLOY / "systemd/blackbar.service").read_text().replace("/usr/local/bin/blackbar", str(BINARY)))
    ran = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    said = [line for line in ran.stderr.splitlines() if "blackbar.service" in line]
    assert not said, said
    limit = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", unit]
    ran = subprocess.run(limit, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-400:] + ran.stderr
done("unit: verified, exposed by at most 1.5 of 10")

said = [subprocess.run([DEPLOY / "sbom"], check=True, capture_output=True, text=True).stdout for _ in range(2)]
assert said[0] == said[1], "the bill of materials is another each time"
fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(said[0])
assert fault is None, fault
bill = json.loads(said[0])
assert all("hashes" in part and "licenses" in part for part in bill["components"])
linked = {part["name"] for part in bill["components"] if part.get("scope") != "excluded"}
assert {"rustls", "hyper", "regex-automata"} <= linked and not {"divan", "tempfile", "syn", "phonenumber"} & linked
done(f"bill of materials: {len(linked)} crates in the program, by the schema of CycloneDX 1.6")

print(f"\n{passed} passed, 0 failed")
