"""How a cluster is reached and who the program is there: a pod's service account, or a context of a kubeconfig."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from kubernetes.client import ApiException, Configuration
from kubernetes.config import ConfigException
from kubernetes.config.incluster_config import InClusterConfigLoader
from kubernetes.config.kube_config import KubeConfigLoader
from oauthlib.oauth2 import OAuth2Error
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import parse_url

from reconciler.ports import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FAULTS: Final = (
    ApiException,
    AttributeError,
    ConfigException,
    HTTPError,
    LookupError,
    OAuth2Error,
    OSError,
    TypeError,
    ValueError,
)
"""What the library lets out when a credential cannot be had. Their texts are not told: some quote the file's tokens."""

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_NO_FILE: Final = "File does not exist: "  # what the library says of a certificate's file
_NAMED: Final = 5  # contexts in the message about a missing one


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The service account of the pod that the program runs in. ``folder`` is where its token and CA are mounted."""

    environ: Mapping[str, str] = field(repr=False)
    folder: Path = _ACCOUNT

    def __str__(self) -> str:
        return "in cluster"

    def stamp(self) -> tuple[int, ...]:
        """Tell whether anything changed. Nothing has to be read again: the library looks at the token every minute."""
        return ()

    def configuration(self) -> Configuration:
        """Find the cluster and the credential.

        Raises:
            Refused: this is no pod, or it has no service account.
        """
        configuration = Configuration()
        loader = InClusterConfigLoader(str(self.folder / "token"), str(self.folder / "ca.crt"), environ=self.environ)
        try:
            loader.load_and_set(configuration)
        except (ConfigException, OSError, UnicodeError) as error:
            if not self.environ.get("KUBERNETES_SERVICE_HOST"):
                cure = "give cluster: {kubeconfig: PATH} instead of inCluster"
                raise Refused(f"the program does not run in a pod, so it is in no cluster: {cure}") from error
            cure = "give the pod a serviceAccountName, and do not set automountServiceAccountToken: false"
            raise Refused(f"the pod has no service account's token and CA in {self.folder}: {cure}") from error
        return configuration


class _Context(msgspec.Struct):
    cluster: str = ""
    user: str = ""


class _Cluster(msgspec.Struct):
    server: str = ""


class _User(msgspec.Struct):
    exec: dict[str, object] | None = None


class _NamedContext(msgspec.Struct):
    name: str
    context: _Context | None = None


class _NamedCluster(msgspec.Struct):
    name: str
    cluster: _Cluster | None = None


class _NamedUser(msgspec.Struct):
    name: str
    user: _User | None = None


class _File(msgspec.Struct, rename="kebab"):
    """What of a kubeconfig is looked at before the library reads it, so that each mistake has its own sentence."""

    current_context: str | None = None
    contexts: list[_NamedContext] | None = None
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """A context of a kubeconfig file, the file's current one where ``context`` is None."""

    path: Path
    context: str | None = None

    def __str__(self) -> str:
        return f'context "{self.context}" in {self.path}' if self.context else f"the current context in {self.path}"

    def stamp(self) -> tuple[int, ...]:
        """Tell whether the file is another than before: nothing but a change changes this."""
        try:
            seen = self.path.stat()
        except OSError:
            return ()
        return seen.st_ino, seen.st_size, seen.st_mtime_ns

    def configuration(self) -> Configuration:
        """Find the cluster and the credential, which may run a plugin or renew a token.

        Raises:
            Refused: the file, the context or the credential is not there, or is broken.
        """
        whole, file = self._read()
        context = self._context(file)
        user = self._checked(file, context)
        configuration = Configuration()
        try:
            with unlogged():
                loader = KubeConfigLoader(whole, context.name, config_base_path=str(self.path.parent))
                loader.load_and_set(configuration)
        except FAULTS as error:
            raise self._no_credential(user, error) from None  # what is chained is shown with a traceback
        if user and user.exec and not configuration.api_key and not configuration.cert_file:
            raise self._no_credential(user, None)
        return configuration

    def _read(self) -> tuple[object, _File]:
        try:
            whole = msgspec.yaml.decode(self.path.read_bytes())
            return whole, msgspec.convert(whole, _File)
        except OSError as error:
            cure = "put a kubeconfig there, or correct staging.cluster.kubeconfig"
            raise Refused(f"{self.path} cannot be read ({error.strerror}): {cure}") from error
        except msgspec.ValidationError as error:
            raise Refused(f"{self.path} is no kubeconfig ({error}): give one that kubectl takes") from error
        except (ValueError, RecursionError):
            raise Refused(f"{self.path} is no kubeconfig, for it is not YAML: give one that kubectl takes") from None

    def _context(self, file: _File) -> _NamedContext:
        names = [one.name for one in file.contexts or ()]
        wanted = self.context or file.current_context
        known = f"it has {', '.join(names[:_NAMED])}" if names else "it has none"
        if not wanted:
            raise Refused(f"{self.path} has no current context: name one in the config as context ({known})")
        found = _named(file.contexts, wanted)
        if found is None:
            near = get_close_matches(wanted, names, 1)
            known = f'did you mean "{near[0]}"?' if near else known
            raise Refused(f'{self.path} has no context "{wanted}": {known}')
        return found

    def _checked(self, file: _File, named: _NamedContext) -> _User | None:
        context = named.context or _Context()
        cluster = _named(file.clusters, context.cluster)
        if cluster is None:
            raise self._lacking(named.name, "cluster", context.cluster)
        if cluster.cluster is None or not cluster.cluster.server:
            raise Refused(f'the cluster "{cluster.name}" in {self.path} has no server: add its address')
        if not _is_address(cluster.cluster.server):
            cure = "correct it, such as https://HOST:6443"
            raise Refused(f'the server of the cluster "{cluster.name}" in {self.path} is no address: {cure}')
        user = _named(file.users, context.user)
        if context.user and user is None:
            raise self._lacking(named.name, "user", context.user)
        return user.user if user else None

    def _lacking(self, context: str, kind: str, name: str) -> Refused:
        return Refused(f'the context "{context}" in {self.path} names the {kind} "{name}", which is not there: add it')

    def _no_credential(self, user: _User | None, error: Exception | None) -> Refused:
        context = f" --context {self.context}" if self.context else ""
        trial = f"kubectl --kubeconfig {self.path}{context} get helmreleases -A"
        if isinstance(error, ConfigException) and str(error).startswith(_NO_FILE):
            missing = str(error).removeprefix(_NO_FILE)
            return Refused(f"{self} names the file {missing}, which does not exist: put it there, or correct it")
        if user and user.exec:
            command = user.exec.get("command")
            return Refused(f'the exec plugin "{command}" of {self} gives no credential: see what it says to {trial}')
        return Refused(f"the credential of {self} cannot be loaded: see whether it works for {trial}")


Access = ServiceAccount | Kubeconfig


@contextmanager
def unlogged() -> Iterator[None]:
    """Keep the library from logging, on the root logger, what a plugin printed: it may hold anything."""
    root, handler = logging.getLogger(), logging.NullHandler()  # without any handler it would install one
    root.addHandler(handler)
    root.addFilter(_nothing)
    try:
        yield
    finally:
        root.removeFilter(_nothing)
        root.removeHandler(handler)


def _nothing(_record: logging.LogRecord) -> bool:
    return False


_Entry = TypeVar("_Entry", _NamedContext, _NamedCluster, _NamedUser)


def _is_address(text: str) -> bool:
    try:
        url = parse_url(text)
    except LocationParseError:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


def _named(entries: Sequence[_Entry] | None, name: str) -> _Entry | None:
    return next((one for one in entries or () if one.name == name), None)
