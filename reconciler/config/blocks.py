"""The config file, block by block and key by key: the only door to pydantic.

The docstrings under the keys are their descriptions: in the JSON Schema, and in the message for a missing one.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from reconciler.config import rules
from reconciler.config.mistakes import Mistake, Place, mistake, shown
from reconciler.core.model import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails, InitErrorDetails
    from pydantic_core.core_schema import CoreSchema, NullableSchema, WithDefaultSchema

    from reconciler.config.document import Values

_T = TypeVar("_T")
_Maybe = Annotated[_T | None, BeforeValidator(rules.given)]
_Duration = Annotated[str, Field(pattern=rules.DURATION), BeforeValidator(rules.with_unit)]
_Line = Annotated[str, AfterValidator(rules.line), Field(json_schema_extra={"minLength": 1})]
_Template = Annotated[str, AfterValidator(rules.template), Field(json_schema_extra={"minLength": 1})]
_Release = Annotated[str, Field(pattern=rules.RELEASE)]
_Span = Annotated[_Duration, AfterValidator(rules.span)]
_Range = Annotated[str, AfterValidator(rules.constraint), Field(json_schema_extra={"minLength": 1})]


class _UnknownKeyError(ValueError):
    """A key that no block has: told of the block, at the key's line."""


class Block(BaseModel):
    """A mapping in the file. Its mistakes are found together: in its keys, and between them."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        use_attribute_docstrings=True,
    )
    ONE_OF: ClassVar[tuple[str, ...]] = ()
    """Keys of which exactly one is given."""
    GOES_WITH: ClassVar[dict[str, str]] = {}
    """Keys that mean something only beside another."""

    @classmethod
    def contradictions(cls, block: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """Look between the keys of a raw mapping: places in it, and sentences."""
        given = [key for key in cls.ONE_OF if key in block]
        if cls.ONE_OF and len(given) != 1:
            yield (), f"needs exactly one of {', '.join(cls.ONE_OF)}; found {' and '.join(given) or 'none'}"
        for key, other in cls.GOES_WITH.items():
            if key in block and other not in block:
                yield (key,), f"goes with {other} only; give {other} too, or take {key} away"

    @model_validator(mode="wrap")
    @classmethod
    def _look(cls, block: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(block, dict):
            raise ValueError(f"found {shown(block)}, but a mapping belongs here, with the keys {cls._keys()}")  # noqa: TRY004 - pydantic's way
        found = [_line_error(place, ValueError(sentence)) for place, sentence in cls.contradictions(block)]
        model = None
        try:
            model = handler(block)
        except ValidationError as error:
            found += [cls._reworded(detail) for detail in error.errors()]
        if model is None or found:
            raise ValidationError.from_exception_data(cls.__name__, found)
        return model

    @classmethod
    def _reworded(cls, detail: ErrorDetails) -> InitErrorDetails:
        place, key = detail["loc"], str(detail["loc"][-1])
        match detail["type"]:
            case "value_error":
                return _line_error(place, detail["ctx"]["error"])
            case "extra_forbidden":
                return _line_error(place, _UnknownKeyError(cls._unknown(key)))
            case "missing":
                meaning = next(field.description for field in cls.model_fields.values() if field.alias == key)
                return _line_error(place, ValueError(f"is missing; give {meaning}"))
        return _line_error(place, ValueError(_sentence(detail)))

    @classmethod
    def _unknown(cls, key: str) -> str:
        near = difflib.get_close_matches(key, [str(field.alias) for field in cls.model_fields.values()], n=1)
        cure = f'did you mean "{near[0]}"?' if near else f"known here: {cls._keys()}"
        return f"unknown key {shown(key)}; {cure}"

    @classmethod
    def _keys(cls) -> str:
        return ", ".join(str(field.alias) for field in cls.model_fields.values())

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        block = handler.resolve_ref_schema(handler(schema))
        block.pop("title", None)
        if cls.ONE_OF:
            block["oneOf"] = [{"required": [key]} for key in cls.ONE_OF]
        if cls.GOES_WITH:
            block["dependentRequired"] = {key: [other] for key, other in cls.GOES_WITH.items()}
        return block


class ClusterBlock(Block):
    """A cluster: exactly one of inCluster, kubeconfig and snapshot."""

    ONE_OF = ("inCluster", "kubeconfig", "snapshot")
    GOES_WITH: ClassVar = {"context": "kubeconfig"}

    in_cluster: Annotated[Literal[True] | None, BeforeValidator(rules.in_cluster)] = None
    """true: the cluster that the program runs in, by its service account"""
    kubeconfig: _Maybe[_Line] = None
    """the path of a kubeconfig file"""
    context: _Maybe[_Line] = None
    """a context of the kubeconfig file; its current one if left out"""
    snapshot: _Maybe[_Line] = None
    """the path of a recorded cluster, as kubectl get -A -o yaml (or json) prints it"""


class StagingBlock(Block):
    """Where versions are proven."""

    cluster: ClusterBlock
    """the cluster to observe: {inCluster: true}, {kubeconfig: PATH, context: NAME} or {snapshot: PATH}"""
    namespaces: Annotated[
        list[Annotated[str, Field(pattern=rules.NAMESPACE)]], Field(min_length=1), AfterValidator(rules.namespaces)
    ]
    """the namespaces to observe, or ["*"] for all"""
    selector: Annotated[str, AfterValidator(rules.selector)] = ""
    """a Kubernetes label selector, such as app=vault,tier in (a,b); empty admits every release"""


class AppBlock(Block):
    """A GitHub App."""

    id: Annotated[
        int | str, BeforeValidator(rules.app_id), WithJsonSchema({"type": ["integer", "string"], "minLength": 1})
    ]
    """the App's number or its client ID"""
    private_key_file: _Line
    """the path of the App's private key, in PEM"""
    installation_id: _Maybe[Annotated[int, Field(ge=1)]] = None
    """the number of the App's installation; the repository's own if left out"""


class GitHubAuthBlock(Block):
    """Who the program is on GitHub: exactly one of tokenFile and app."""

    ONE_OF = ("tokenFile", "app")

    token_file: _Maybe[_Line] = None
    """the path of a file that holds a token"""
    app: _Maybe[AppBlock] = None
    """a GitHub App: {id: N, privateKeyFile: PATH, installationId: N}"""


class GitHubBlock(Block):
    """A repository on GitHub or GitHub Enterprise Server."""

    repository: Annotated[str, Field(pattern=rules.REPOSITORY)]
    """the repository, as owner/name"""
    base_url: Annotated[str, Field(pattern=rules.API)] = "https://api.github.com"
    """the API's address; for GitHub Enterprise Server https://HOST/api/v3"""
    auth: _Maybe[GitHubAuthBlock] = None
    """{tokenFile: PATH} or {app: {...}}; the token in the environment's GITHUB_TOKEN if left out"""


class GitAuthBlock(Block):
    """Who the program is for git: tokenFile, or sshKeyFile with knownHostsFile."""

    ONE_OF = ("tokenFile", "sshKeyFile")
    GOES_WITH: ClassVar = {"knownHostsFile": "sshKeyFile"}

    token_file: _Maybe[_Line] = None
    """the path of a file that holds a token, for an http or https address"""
    ssh_key_file: _Maybe[_Line] = None
    """the path of a private key, for an ssh address"""
    known_hosts_file: _Maybe[_Line] = None
    """the path of a known_hosts file that holds the server's key; ssh's own files if left out"""


class GitBlock(Block):
    """Any repository that git reaches."""

    url: Annotated[_Line, AfterValidator(rules.url)]
    """the repository's path or address, as git understands it"""
    auth: _Maybe[GitAuthBlock] = None
    """{tokenFile: PATH}, or {sshKeyFile: PATH, knownHostsFile: PATH}; git's own way if left out"""
    push_options: list[_Line] = []
    """push options for the server, such as merge_request.create"""

    @classmethod
    def contradictions(cls, block: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """Look whether the credential fits the address."""
        yield from super().contradictions(block)
        url, auth = block.get("url"), block.get("auth")
        if not isinstance(url, str) or not isinstance(auth, dict):
            return
        takes = rules.credential(url)
        if takes is None:
            yield ("auth",), "has no meaning for a local path, or for anything but http, https and ssh; take it away"
        for key in GitAuthBlock.ONE_OF:
            if takes not in {None, key} and key in auth:
                yield ("auth", key), f"does not fit this address; give {takes} instead"


class ProductionBlock(Block):
    """Where proven versions go: exactly one of github and git."""

    ONE_OF = ("github", "git")

    github: _Maybe[GitHubBlock] = None
    """a repository on GitHub: promotions are pull requests"""
    git: _Maybe[GitBlock] = None
    """any repository that git reaches: promotions are pushed branches"""
    branch: Annotated[str, AfterValidator(rules.branch)] = "main"
    """the branch that production follows"""
    paths: Annotated[
        list[Annotated[str, AfterValidator(rules.glob)]], Field(min_length=1), AfterValidator(rules.globs)
    ] = [*EVERYWHERE]
    """what may be edited: globs from the repository's top; * ? [x] stop at /, ** spans folders, a leading ! excludes"""


class MatchBlock(Block):
    """One release whose name differs between staging and production."""

    staging: _Release
    """the namespace/name that it has in staging"""
    production: _Release
    """the namespace/name that it has in production"""


class TestsBlock(Block):
    """How much has to be tested."""

    mode: _Maybe[Literal["required", "optional"]] = None
    """required, or optional: where there are no tests, being Ready for the time of soak proves a version"""
    minimum: _Maybe[Annotated[int, Field(ge=1)]] = None
    """how many test hooks must have succeeded, where tests are the proof; 1 if left out"""
    max_age: _Maybe[_Span] = None
    """how old the last run of the tests may be, such as 30d; any age if left out"""


class WindowBlock(Block):
    """A time that comes round again and again, for promotions or against them."""

    cron: Annotated[str, AfterValidator(rules.cron)]
    """when it opens: the five fields of cron, such as 0 9 * * MON-FRI"""
    duration: Annotated[_Duration, AfterValidator(rules.window)]
    """how long it lasts, such as 8h or 2d, whatever the clock is changed by meanwhile"""
    time_zone: Annotated[str, AfterValidator(rules.zone)] = "UTC"
    """the zone whose clock cron goes by, such as Europe/Berlin"""
    kind: Literal["allow", "deny"] = "allow"
    """allow: promotions stand in it, and out of all such windows none does. deny: none stands in it, whatever allows"""


class FreezeBlock(Block):
    """A time without promotions."""

    until: Annotated[str, AfterValidator(rules.until)]
    """when it ends: a date, as that day starts in UTC, or a time with its zone, such as 2027-01-04T08:00:00+01:00"""
    reason: _Maybe[_Line] = None
    """why, in a few words"""


def _mode_or_tests(value: object) -> object:
    return {"mode": rules.tests(value)} if isinstance(value, str) else value


def _one_or_more(value: object, handler: ValidatorFunctionWrapHandler) -> list[FreezeBlock]:
    return [FreezeBlock.model_validate(value)] if isinstance(value, dict) else handler(value)


class _WordOr:
    """Says in the JSON Schema that the plain word for tests does too."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"enum": ["required", "optional"]}, handler(schema)]}


class _OneOr:
    """Says in the JSON Schema that one does for a list of one."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


class _PolicyKeys(Block):
    """What is promoted, and when."""

    tests: _Maybe[Annotated[TestsBlock, BeforeValidator(_mode_or_tests), _WordOr()]] = None
    """required: tests prove a version; optional: else being Ready does; or {mode: ..., minimum: N, maxAge: 1d}"""
    soak: _Maybe[_Span] = None
    """how long a proof must have held, such as 2h or 1d; it must be given with tests optional"""
    allow: _Maybe[_Range] = None
    """the versions that may be promoted, as a Helm version range such as >=1.2.0 <2.0.0; all if left out"""
    bump: _Maybe[Literal["patch", "minor", "major"]] = None
    """the largest step from the version that production runs; major if left out"""
    prereleases: _Maybe[bool] = None
    """true: prereleases are promoted. false, as if left out: only where production runs one of the same x.y.z"""
    ignore: _Maybe[list[_Range]] = None
    """versions, or ranges of them, that are never promoted"""
    windows: _Maybe[list[WindowBlock]] = None
    """when promotions stand: {cron: 0 9 * * MON-FRI, duration: 8h, timeZone: Europe/Berlin}; always if left out"""
    freeze: _Maybe[Annotated[list[FreezeBlock], WrapValidator(_one_or_more), _OneOr()]] = None
    """until when none does, and why: {until: 2027-01-04, reason: ...}, or a list of those"""


class OverrideBlock(_PolicyKeys):
    """Another policy for some releases."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["selector"]}, {"required": ["release"]}], "minProperties": 2}
    )

    selector: _Maybe[Annotated[str, AfterValidator(rules.selector)]] = None
    """a Kubernetes label selector on the staging HelmReleases, such as tier=critical"""
    release: _Maybe[Annotated[str, Field(pattern=rules.RELEASES)]] = None
    """the namespace/name of a staging HelmRelease; * stands for any signs, ? for one"""

    @classmethod
    def contradictions(cls, block: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """Look whether it says for which releases, and what."""
        whose = block.keys() & {"selector", "release"}
        if not whose:
            yield (), "says for no release; give selector, release or both"
        elif len(whose) == len(block):
            yield (), "changes nothing; give what is different for these releases, such as soak"


class PolicyBlock(_PolicyKeys):
    """What is promoted, and when. Every default is the safe one."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {
                "properties": {
                    "tests": {
                        "anyOf": [
                            {"const": "optional"},
                            {"type": "object", "properties": {"mode": {"const": "optional"}}, "required": ["mode"]},
                        ]
                    }
                },
                "required": ["tests"],
            },
            "then": {"required": ["soak"]},
        }
    )

    overrides: list[OverrideBlock] = []
    """other policies for some releases: {selector: tier=critical, soak: 3d}; the last that gives a key wins"""

    @classmethod
    def contradictions(cls, block: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """Look whether releases without tests have to soak."""
        if "soak" in block:
            return
        if _is_optional(block):
            yield ("soak",), _SOAK_TOO
        overrides = block.get("overrides")
        for index, one in enumerate(overrides if isinstance(overrides, list) else ()):
            if isinstance(one, dict) and _is_optional(one) and "soak" not in one:
                yield ("overrides", index, "soak"), _SOAK_TOO


_SOAK_TOO = "is missing; with tests optional, give how long a release must be Ready, such as 1d"


def _is_optional(block: Mapping[str, object]) -> bool:
    tests = block.get("tests")
    return (tests.get("mode") if isinstance(tests, dict) else tests) == "optional"


_People = Annotated[list[Annotated[str, Field(pattern=rules.LOGIN)]], AfterValidator(rules.distinct)]


class AutoMergeBlock(Block):
    """When the forge is asked to merge by itself."""

    method: Literal["merge", "squash", "rebase"] = "merge"
    """how it merges: merge, squash or rebase"""
    bumps: Annotated[list[Literal["patch", "minor", "major"]], Field(min_length=1), AfterValidator(rules.distinct)] = [
        "patch",
        "minor",
    ]
    """the steps that merge by themselves: patch, minor, major; the others wait for a person"""
    unprotected: bool = False
    """true: merge also where the branch requires nothing, minutes after opening and with no check pending"""


class PullRequestBlock(Block):
    """What pull requests say, and whom they ask."""

    title: _Maybe[_Template] = None
    """a Jinja2 template; Promote NAME release to vVERSION if left out"""
    body: _Maybe[_Template] = None
    """a Jinja2 template, in Markdown; the evidence, the gates and what a person can do if left out"""
    commit_message: _Maybe[_Template] = None
    """a Jinja2 template; the title if left out. Where it is one line, the evidence follows; the marker always does"""
    sign_off: _Maybe[Annotated[_Line, AfterValidator(rules.sign_off)]] = None
    """a Signed-off-by line for every commit, as Name <address>; none if left out"""
    labels: Annotated[list[Annotated[_Line, Field(max_length=50)]], AfterValidator(rules.distinct)] = []
    """labels for every pull request; they have to exist"""
    assignees: Annotated[_People, Field(max_length=10)] = []
    """logins of those who are assigned, 10 at most"""
    reviewers: Annotated[_People, Field(max_length=15)] = []
    """logins of those who are asked to review, 15 at most"""
    team_reviewers: Annotated[
        list[Annotated[str, Field(pattern=rules.TEAM)]], AfterValidator(rules.distinct), Field(max_length=15)
    ] = []
    """teams that are asked to review, by their slug without the organisation, 15 at most"""
    draft: bool = False
    """true: open as a draft, for a person to make ready"""
    auto_merge: _Maybe[AutoMergeBlock] = None
    """{method: ..., bumps: [...]}: the forge merges when all that it requires is there; people merge if left out"""
    max_open: Annotated[int, Field(ge=1)] = 10
    """how many pull requests of this promotion stand open at most"""
    max_per_pass: Annotated[int, Field(ge=1)] = 2
    """how many are opened in one pass at most, the oldest proof first"""


class PromotionBlock(Block):
    """One way from a staging cluster to a production repository."""

    name: Annotated[str, Field(pattern=rules.NAME)]
    """a unique name of small letters, digits and hyphens, 40 at most; branches carry it"""
    staging: StagingBlock
    """the side where versions are proven: {cluster: {...}, namespaces: [...], selector: ...}"""
    production: ProductionBlock
    """the side that follows: {github: {...}} or {git: {...}}, with branch and paths"""
    match: list[MatchBlock] = []
    """releases whose names differ: {staging: namespace/name, production: namespace/name}"""
    policy: PolicyBlock = Field(default_factory=PolicyBlock)
    """what is promoted; every default is the safe one"""
    pull_request: PullRequestBlock = Field(default_factory=PullRequestBlock)
    """what pull requests say, and whom they ask; commits take commitMessage, title and signOff from here too"""

    @classmethod
    def contradictions(cls, block: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """Look for a staging release with two names in production, and for pull requests where there are none."""
        production, manners = block.get("production"), block.get("pullRequest")
        if isinstance(production, dict) and "git" in production and isinstance(manners, dict):
            for key in manners.keys() & _FORGE_ONLY:
                yield ("pullRequest", key), "has no meaning for plain git, where promotions are branches; take it away"
        for index, first in _repeated(block.get("match"), "staging"):
            yield ("match", index, "staging"), f"is matched by match[{first}] already; keep one of them"


class ConfigFile(Block):
    """The config file of helm-promoter."""

    interval: Annotated[_Duration, AfterValidator(rules.interval)] = "60s"
    """the time between passes: a Go duration, or one in days, such as 90s, 1h30m or 1d"""
    active_deadline: Annotated[_Duration, AfterValidator(rules.interval)] = "10m"
    """how long a pass may take; one that takes longer hangs, and ends the process, to be started anew"""
    promotions: Annotated[list[PromotionBlock], Field(min_length=1)]
    """the promotions, each from one staging cluster to one production repository"""

    @classmethod
    def contradictions(cls, block: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
        """Look for promotions that share a name: it is part of their branches."""
        for index, first in _repeated(block.get("promotions"), "name"):
            yield ("promotions", index, "name"), f"is the name of promotions[{first}] too; give each its own"


_FORGE_ONLY = {str(field.alias) for field in PullRequestBlock.model_fields.values()}
_FORGE_ONLY -= {"title", "commitMessage", "signOff"}


def _repeated(blocks: object, key: str) -> Iterator[tuple[int, int]]:
    """Find the blocks that say again under ``key`` what another said first: their index, and the other's."""
    seen: dict[str, int] = {}
    for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
        value = block.get(key) if isinstance(block, dict) else None
        if isinstance(value, str) and seen.setdefault(value, index) != index:
            yield index, seen[value]


def _line_error(place: Place, error: ValueError) -> InitErrorDetails:
    return {"type": "value_error", "loc": place, "input": None, "ctx": {"error": error}}


_BELONGS = {"string_type": "text", "list_type": "a list, [like, this],", "bool_type": "true or false"}


def _sentence(detail: ErrorDetails) -> str:
    """Say what was found and what belongs there, in the words of the file instead of pydantic's."""
    kind, found = detail["type"], detail["input"]
    if kind == "too_short":
        return "is empty; list one at least"
    if kind == "string_pattern_mismatch":
        return f"found {shown(found)}, which is not {rules.SHAPES[detail['ctx']['pattern']]}"
    if kind == "literal_error":
        return f"found {shown(found)}, but {detail['ctx']['expected']} belongs here"
    if kind == "string_type" and isinstance(found, bool | int | float):
        return f"found {shown(found)}, but text belongs here; put it in quotes"
    if kind in {"string_too_long", "too_long"}:
        return f"is too long: GitHub takes {detail['ctx']['max_length']} at most"
    return f"found {shown(found)}, but {_BELONGS.get(kind, 'a whole number above 0')} belongs here"


def check(values: Values) -> tuple[ConfigFile | None, tuple[Mistake, ...]]:
    """Hold values to the blocks: the file unless it has mistakes, and all of those."""
    try:
        return ConfigFile.model_validate(values.plain), ()
    except ValidationError as error:
        return None, tuple(_told(detail, values) for detail in error.errors())


def _told(detail: ErrorDetails, values: Values) -> Mistake:
    place, reason = detail["loc"], detail["ctx"]["error"]
    return mistake(place[:-1] if isinstance(reason, _UnknownKeyError) else place, values.line(place), str(reason))


class _JsonSchema(GenerateJsonSchema):
    """JSON Schema as people read it: no titles made from names, and no null, as the file takes none."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's signature
        return False

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        described = super().default_schema(schema)
        return {key: value for key, value in described.items() if key != "default" or value is not None}


def json_schema() -> str:
    """Print the JSON Schema of the config file, draft 2020-12, with a description of every key."""
    head = {"$schema": GenerateJsonSchema.schema_dialect, "title": "helm-promoter config"}
    schema = ConfigFile.model_json_schema(schema_generator=_JsonSchema)
    return json.dumps(head | schema, indent=2, ensure_ascii=False) + "\n"
